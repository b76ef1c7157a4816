import { join } from 'node:path';
import { z } from 'zod';
import {
  type Environment,
  logLevelSchema,
  readEnvironment,
  type SettingParser,
  toSetting,
} from '../shared/environment.ts';
import { kioskIdSchema } from '../shared/topics.ts';
import { type CertificateSigners, readCertificateSigners } from './certificate-signers.ts';

/** How hardware reads its two settings; the kiosk knows no device itself. */
export interface HardwareParsers<ScannerSetting, BoardSetting> {
  readonly scanner: SettingParser<ScannerSetting>;
  readonly board: SettingParser<BoardSetting>;
}

const repeatMs = z
  .int('must be a whole number of milliseconds')
  .min(0)
  .max(3_600_000, 'must be at most 3600000 (an hour)');

const dataDir = z.string().default('./data/kiosk');

const certificateSigners = z.string().transform(toSetting(readCertificateSigners)).optional();

function environmentSchema<ScannerSetting, BoardSetting>(parsers: HardwareParsers<ScannerSetting, BoardSetting>) {
  return z.object({
    RAVAO_DATA_DIR: dataDir,
    RAVAO_KIOSK_ID: kioskIdSchema.optional(),
    RAVAO_GATE: z.string().max(200, 'must be at most 200 characters').optional(),
    RAVAO_DIRECTION: z.enum(['in', 'out', 'toggle'], 'must be in, out or toggle').optional(),
    RAVAO_GATEWAY_URL: z.string().transform(toSetting(parseGatewayUrl)).optional(),
    RAVAO_CREDENTIALS: z.string().optional(),
    RAVAO_MDNS: z.enum(['on', 'off'], 'must be on or off').default('on'),
    RAVAO_SCANNER: z.string().default('auto').transform(toSetting(parsers.scanner)),
    RAVAO_BOARD: z.string().default('auto').transform(toSetting(parsers.board)),
    RAVAO_REPEAT_MS: z.string().default('5000').transform(Number).pipe(repeatMs),
    RAVAO_CERTIFICATE_SIGNERS: certificateSigners,
    RAVAO_LOG_LEVEL: logLevelSchema,
  });
}

/** Where a kiosk keeps the credentials that an invitation brought. */
export function ownCredentialsDir(dataDir: string): string {
  return join(dataDir, 'credentials');
}

/** What the command `reset` needs. */
export function readDataDir(environment: Environment): string {
  return readEnvironment(z.object({ RAVAO_DATA_DIR: dataDir }), environment).RAVAO_DATA_DIR;
}

/** What the command `read` needs: it works where nothing is set up yet. Throws the Fault CONFIG_INVALID. */
export function readReadingConfig(environment: Environment): {
  readonly dataDir: string;
  readonly certificateSigners: CertificateSigners;
} {
  const schema = z.object({ RAVAO_DATA_DIR: dataDir, RAVAO_CERTIFICATE_SIGNERS: certificateSigners });
  const values = readEnvironment(schema, environment);
  return Object.freeze({
    dataDir: values.RAVAO_DATA_DIR,
    certificateSigners: values.RAVAO_CERTIFICATE_SIGNERS ?? new Map(),
  });
}

function parseGatewayUrl(text: string): { value: { host: string; port: number } } | { problem: string } {
  const url = URL.parse(text);
  if (url === null || url.protocol !== 'mqtts:' || url.hostname === '') {
    return { problem: `must be mqtts://host:port, not ${JSON.stringify(text)}` };
  }
  // An IPv6 address stands in brackets in a URL and without them in a socket's options.
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  return { value: { host, port: url.port === '' ? 8883 : Number(url.port) } };
}

/** The parts of the configuration that do not depend on the hardware. */
export type KioskConfig = Omit<ReturnType<typeof readKioskConfig<unknown, unknown>>, 'scanner' | 'board'>;

/** The kiosk's configuration, parsed once and frozen. Throws the Fault CONFIG_INVALID, which lists every problem. */
export function readKioskConfig<ScannerSetting, BoardSetting>(
  environment: Environment,
  parsers: HardwareParsers<ScannerSetting, BoardSetting>,
) {
  const values = readEnvironment(environmentSchema(parsers), environment);
  return Object.freeze({
    dataDir: values.RAVAO_DATA_DIR,
    /** Null: as the certificate says. */
    kioskId: values.RAVAO_KIOSK_ID ?? null,
    /** Null, all three: as the gateway said when the kiosk was enrolled. */
    gate: values.RAVAO_GATE ?? null,
    direction: values.RAVAO_DIRECTION ?? null,
    gateway: values.RAVAO_GATEWAY_URL ?? null,
    credentialsDir: values.RAVAO_CREDENTIALS ?? ownCredentialsDir(values.RAVAO_DATA_DIR),
    /** Whether a kiosk without credentials waits for an invitation: not where somebody named a folder of his own. */
    mayEnrol: values.RAVAO_CREDENTIALS === undefined,
    /** Whether a gateway that is not at its address is looked for on the local network. */
    mdns: values.RAVAO_MDNS === 'on',
    scanner: values.RAVAO_SCANNER,
    board: values.RAVAO_BOARD,
    repeatWindowMs: values.RAVAO_REPEAT_MS,
    /** Empty: no vaccine certificate is checked. */
    certificateSigners: values.RAVAO_CERTIFICATE_SIGNERS ?? (new Map() as CertificateSigners),
    logLevel: values.RAVAO_LOG_LEVEL,
  });
}
