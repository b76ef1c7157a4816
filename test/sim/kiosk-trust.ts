/** The certificate of one simulated kiosk, and the real program part that renews it. */
import { cpSync, existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import type { Asker } from '../../kiosk/asking.ts';
import { type Credentials, readCredentials, renewedFolderPattern } from '../../kiosk/credentials.ts';
// Loaded before a story begins: loading takes turns of the event loop that no other story has.
import '../../kiosk/enrol/renew.ts';
import { Renewal } from '../../kiosk/renewal.ts';
import type { SiteNotice } from '../../shared/entry.ts';
import type { Log } from '../../shared/ports.ts';
import type { SimProcess } from './machine.ts';
import { padQuestion, serialOf } from './site-trust.ts';
import type { Surroundings } from './surroundings.ts';

/** A story is short: what takes hours in life takes seconds here, in milliseconds. */
const limits = {
  lookEveryMs: 60_000,
  spreadMs: 3_000,
  retry: { firstMs: 2_000, factor: 2, maxMs: 30_000, jitter: 0.5 },
};

/** How often it is looked whether a connection has come through, in milliseconds, and how often at most. */
const lookMs = 20;
const looksMax = 500;

/** What the program's parts are given. */
export interface KioskTrust extends AsyncDisposable {
  /** Dials the gateway with what is in use. */
  readonly dial: () => Duplex;
  noticed(notice: SiteNotice): void;
  /** The version of the credentials in use. */
  readonly version: string | null;
  readonly isRevoked: boolean;
}

/** Where a kiosk keeps them in its data directory. */
export function credentialsDir(dir: string): string {
  return join(dir, 'credentials');
}

/** Takes the place of what a kiosk was enrolled with, and of all that it has renewed since. */
export async function enrolAnew(world: Surroundings, kiosk: string, dir: string): Promise<void> {
  const folder = credentialsDir(dir);
  for (const name of existsSync(folder) ? readdirSync(folder) : []) {
    if (renewedFolderPattern.test(name)) rmSync(join(folder, name), { recursive: true });
  }
  await world.siteTrust.enrol(kiosk, folder);
}

/** Reads the credentials and keeps them renewed. @param dir the kiosk's data directory. */
export async function keepTrust(
  kiosk: string,
  dir: string,
  process: SimProcess,
  parts: { readonly world: Surroundings; readonly asker: Asker; readonly onStateChanged: () => void },
): Promise<KioskTrust> {
  const { world, asker, onStateChanged } = parts;
  const folder = credentialsDir(dir);
  if (!existsSync(folder)) cpSync(world.siteTrust.credentialsDir(kiosk), folder, { recursive: true });
  let credentials = await world.timeline.outside(readCredentials(folder));
  const isRevoked = ({ certPem }: Credentials) => world.siteTrust.isRevoked(serialOf(certPem));
  const dialWith = (chosen: Credentials): Duplex => {
    const stream = world.network.dial(process, kiosk);
    // The gateway's door knows a certificate that was cut off, and closes.
    if (isRevoked(chosen)) world.timeline.after(1, process, () => stream.destroy(new Error('certificate revoked')));
    return stream;
  };
  const renewal = new Renewal({
    ...{ folder, onStateChanged, clock: process.clock, chance: world.chance, limits },
    log: withoutKeys(world.logOf(kiosk), () => world.trace.add(kiosk, 'renewed')),
    asker: { ask: (question, payload) => asker.ask(question, padQuestion(payload)) },
    road: {
      get credentials() {
        return credentials;
      },
      dialWith: (chosen) => secured(dialWith(chosen), kiosk, process, world),
      adopt: (next) => {
        credentials = next;
      },
    },
  });
  return {
    dial: () => dialWith(credentials),
    noticed: (notice) => renewal.noticed(notice),
    get version() {
      return credentials.version;
    },
    get isRevoked() {
      return isRevoked(credentials);
    },
    [Symbol.asyncDispose]: () => renewal[Symbol.asyncDispose](),
  };
}

/** What is said of a certificate differs from run to run. */
function withoutKeys(log: Log, onDone: () => void): Log {
  return {
    ...log,
    info: (event) => {
      if (event === 'renewal.done') onDone();
      log.info(event);
    },
    warn: (event, fields) => log.warn(event, { problem: fields?.problem }),
  };
}

/** A connection as TLS has it: it says when it has come through. */
function secured(stream: Duplex, kiosk: string, process: SimProcess, world: Surroundings): TLSSocket {
  let looks = 0;
  const look = () => {
    if (stream.destroyed) return;
    const isThrough = world.network.connectionsOf(kiosk).some((one) => one.kioskEnd === stream && one.isThrough);
    if (isThrough) stream.emit('secureConnect');
    else if (++looks < looksMax) process.clock.after(lookMs, look);
  };
  process.clock.after(lookMs, look);
  return Object.assign(stream, { destroySoon: () => stream.destroy() }) as unknown as TLSSocket;
}
