import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { z } from 'zod';
import { type Environment, logLevelSchema, readEnvironment } from '../shared/environment.ts';
import { siteKindNames } from './report/site-kind.ts';
import { parseUpstreamUrls } from './upstream/upstream-url.ts';

/** Where entries go unless told otherwise: this file in the data directory. */
const upstreamFileDefault = 'upstream.ndjson';

/** Entries are kept for so many days after they were forwarded, unless told otherwise. */
const keepDaysDefault = 30;

/** A reader must keep its data for at least one day (guidance v1.0 on QR codes, January 2022). */
const keepDaysMin = 1;

/** Ten years: nobody may mean more. */
const keepDaysMax = 3650;

const keepDays = z
  .string()
  .default(String(keepDaysDefault))
  .transform(Number)
  .pipe(
    z
      .int(`must be a whole number of days, ${keepDaysMin} to ${keepDaysMax}`)
      .min(keepDaysMin, `must be at least ${keepDaysMin}`)
      .max(keepDaysMax, `must be at most ${keepDaysMax}`),
  );

const port = z.int('must be a port number').min(0, 'must be a port number').max(65_535, 'must be a port number');

const dataSchema = z.object({ RAVAO_DATA_DIR: z.string().default('./data/gateway') });

/** What every command needs. */
const siteSchema = dataSchema.extend({
  RAVAO_SITE: z.string().max(200, 'must be at most 200 characters').default('ravao'),
  RAVAO_SITE_KIND: z.enum(siteKindNames, `must be one of ${siteKindNames.join(' ')}`).optional(),
  RAVAO_LOG_LEVEL: logLevelSchema,
});

/** Where kiosks come in. */
const doorsSchema = siteSchema.extend({
  RAVAO_MQTT_HOST: z.string().default('127.0.0.1'),
  RAVAO_MQTT_PORT: z.string().default('8883').transform(Number).pipe(port),
  RAVAO_ENROL_PORT: z.string().transform(Number).pipe(port).optional(),
  RAVAO_MDNS: z.enum(['auto', 'on', 'off'], 'must be auto, on or off').default('auto'),
});

/** What serving needs besides. */
function serveSchema(dataDir: string) {
  return doorsSchema.extend({
    RAVAO_UPSTREAM_URL: z
      .string()
      .default(pathToFileURL(join(dataDir, upstreamFileDefault)).href)
      .transform((text, context) => {
        const { targets, problems } = parseUpstreamUrls(text, dataDir, resolve('.'));
        for (const message of problems) context.addIssue({ code: 'custom', message });
        return targets;
      }),
    RAVAO_KEEP_DAYS: keepDays,
    RAVAO_UPSTREAM_TOKEN: z.string().optional(),
    RAVAO_UPSTREAM_CA: z.string().optional(),
    RAVAO_UPSTREAM_CERT: z.string().optional(),
    RAVAO_UPSTREAM_KEY: z.string().optional(),
  });
}

export type SiteConfig = ReturnType<typeof readSiteConfig>;
export type GatewayConfig = ReturnType<typeof readGatewayConfig>;

/** Where the data is. Throws the Fault CONFIG_INVALID. */
export function readDataDir(environment: Environment): string {
  return readEnvironment(dataSchema, environment).RAVAO_DATA_DIR;
}

/** Where the data is and whose site it is: for every command but `serve`. Throws the Fault CONFIG_INVALID. */
export function readSiteConfig(environment: Environment) {
  const values = readEnvironment(siteSchema, environment);
  return Object.freeze({
    dataDir: values.RAVAO_DATA_DIR,
    site: values.RAVAO_SITE,
    siteKind: values.RAVAO_SITE_KIND ?? null,
    logLevel: values.RAVAO_LOG_LEVEL,
  });
}

/** What whoever invites kiosks needs: the site, and where it takes enrolments. Throws the Fault CONFIG_INVALID. */
export function readDoorConfig(environment: Environment) {
  const values = readEnvironment(doorsSchema, environment);
  const { RAVAO_MQTT_HOST: host, RAVAO_ENROL_PORT, RAVAO_MQTT_PORT } = values;
  const enrolPort = RAVAO_ENROL_PORT ?? enrolPortBeside(RAVAO_MQTT_PORT);
  return Object.freeze({ dataDir: values.RAVAO_DATA_DIR, site: values.RAVAO_SITE, host, enrolPort });
}

/** Where kiosks are enrolled unless told otherwise: the next port. Any free one beside any free one. */
function enrolPortBeside(mqttPort: number): number {
  return mqttPort === 0 ? 0 : Math.min(mqttPort + 1, 65_535);
}

/** The gateway's configuration, parsed once and frozen. Throws the Fault CONFIG_INVALID, which lists every problem. */
export function readGatewayConfig(environment: Environment) {
  const dataDir = readDataDir(environment);
  const values = readEnvironment(serveSchema(resolve(dataDir)), environment);
  return Object.freeze({
    dataDir,
    site: values.RAVAO_SITE,
    logLevel: values.RAVAO_LOG_LEVEL,
    host: values.RAVAO_MQTT_HOST,
    port: values.RAVAO_MQTT_PORT,
    enrolPort: values.RAVAO_ENROL_PORT ?? enrolPortBeside(values.RAVAO_MQTT_PORT),
    keepDays: values.RAVAO_KEEP_DAYS,
    mdns: values.RAVAO_MDNS,
    upstreams: values.RAVAO_UPSTREAM_URL,
    upstreamToken: values.RAVAO_UPSTREAM_TOKEN ?? null,
    upstreamTls: {
      ca: values.RAVAO_UPSTREAM_CA ?? null,
      cert: values.RAVAO_UPSTREAM_CERT ?? null,
      key: values.RAVAO_UPSTREAM_KEY ?? null,
    },
  });
}
