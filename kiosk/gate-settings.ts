/** Which gate this is: from the environment, and from what the gateway said when the kiosk was enrolled by an invitation. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type EnrolledGate, enrolledGateSchema } from '../shared/enrolment.ts';
import { describeError, Fault } from '../shared/fault.ts';
import type { Clock, Indicator, Log, Reading, Scanner } from '../shared/ports.ts';
import { isErrno } from '../shared/system-error.ts';
import type { KioskConfig } from './config.ts';
import { type Credentials, readCredentials } from './credentials.ts';
import { gateFileName, isVacant } from './enrol/new-credentials.ts';

export interface GateParts {
  readonly openScanner: () => Promise<Scanner>;
  readonly indicator: Indicator;
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** Everything that a kiosk must have before it can be a gate. */
export interface Gate {
  readonly credentials: Credentials;
  readonly scanner: Scanner;
  readonly gate: string;
  readonly direction: EnrolledGate['direction'];
  readonly gateway: EnrolledGate['gateway'];
}

/**
 * Waits for an invitation where the kiosk has no credentials and may be enrolled; then says which gate it is. What the
 * environment says wins. Null when `signal` aborted meanwhile.
 * Throws the Faults CREDENTIALS_INVALID and CONFIG_INVALID.
 */
export async function prepareGate(config: KioskConfig, parts: GateParts): Promise<Gate | null> {
  let scanner: Scanner | null = null;
  if (config.mayEnrol && isVacant(config.credentialsDir)) {
    scanner = await enrolFirst(config, parts);
    if (scanner === null) return null;
  }
  const credentials = await readCredentials(config.credentialsDir, parts.log);
  checkKioskId(credentials, config);
  const enrolled = readEnrolledGate(config.credentialsDir);
  const gateway = config.gateway ?? enrolled?.gateway;
  if (gateway === undefined) {
    throw new Fault('CONFIG_INVALID', '\n  RAVAO_GATEWAY_URL is missing: where the gateway is, as mqtts://host:8883');
  }
  return {
    credentials,
    scanner: scanner ?? (await parts.openScanner()),
    gate: config.gate ?? enrolled?.gate ?? credentials.kiosk,
    direction: config.direction ?? enrolled?.direction ?? 'in',
    gateway,
  };
}

/** Gives the scanner, for the gate to read on from; null when `signal` aborted first. */
async function enrolFirst(config: KioskConfig, parts: GateParts): Promise<Scanner | null> {
  const { signal } = parts;
  const [{ enrolKiosk }, { waitingText }] = await Promise.all([
    import('./enrol/enrol-kiosk.ts'),
    import('./enrol/enrolment-texts.ts'),
  ]);
  const { name, readings } = await parts.openScanner();
  if (name === 'stdin') process.stderr.write(waitingText);
  const stop = new AbortController();
  const iterator = readings(stop.signal)[Symbol.asyncIterator]();
  const endReadings = () => stop.abort();
  signal.addEventListener('abort', endReadings, { once: true });
  if (signal.aborted) endReadings();
  if (await enrolKiosk({ ...config, ...parts, readings: iterator })) return readOn(name, iterator, endReadings);
  await new Promise<void>((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
    if (signal.aborted) resolve();
  });
  return null;
}

/** A scanner whose readings have begun already: a scanner is read only once. */
function readOn(name: string, iterator: AsyncIterator<Reading>, endReadings: () => void): Scanner {
  return {
    name,
    readings(signal) {
      signal.addEventListener('abort', endReadings, { once: true });
      return { [Symbol.asyncIterator]: () => iterator };
    },
  };
}

/** Null where the folder was written by `enrol` and says nothing of the gate. */
function readEnrolledGate(folder: string): EnrolledGate | null {
  const path = join(folder, gateFileName);
  try {
    return enrolledGateSchema.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return null;
    throw new Fault('CREDENTIALS_INVALID', `${path} cannot be used: ${describeError(error)}.`, { cause: error });
  }
}

/** A kiosk on another's certificate would send entries that the gateway must quarantine. */
function checkKioskId({ kiosk }: Credentials, { kioskId }: { readonly kioskId: string | null }): void {
  if (kioskId === null || kioskId === kiosk) return;
  throw new Fault(
    'CONFIG_INVALID',
    `\n  RAVAO_KIOSK_ID is ${kioskId}, but the certificate in RAVAO_CREDENTIALS is for ${kiosk}`,
  );
}
