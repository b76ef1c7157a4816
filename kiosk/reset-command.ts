/** `reset`: makes an enrolled kiosk a new one, by somebody who is at the machine. Nothing unsent is ever deleted. */
import { randomUUID } from 'node:crypto';
import { existsSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describeError, Fault } from '../shared/fault.ts';
import type { Chance, Clock, Log } from '../shared/ports.ts';
import { syncFolder } from '../shared/system/durable.ts';
import { ownCredentialsDir } from './config.ts';
import { type Credentials, readCredentials } from './credentials.ts';
import { isVacant } from './enrol/new-credentials.ts';
import { openOutbox, outboxFileName } from './outbox.ts';
import { foundFileName } from './road.ts';
import { rulesDir } from './rules.ts';

export interface ResetParts {
  readonly dataDir: string;
  /** Whether to go on although entries were never sent. */
  readonly force: boolean;
  readonly clock: Clock;
  readonly chance: Chance;
  readonly log: Log;
}

/** Where the credentials go before they are removed, so that a power cut leaves all of them or none in their place. */
const leavingFolder = '.credentials.reset';

/**
 * Forgets the credentials that an invitation brought. Returns what was done, in words.
 * Throws the Faults RESET_UNSENT, where entries were never sent, DATA_DIR_IN_USE, while the kiosk runs, those of the outbox,
 * CREDENTIALS_INVALID and DATA_DIR_UNUSABLE.
 */
export async function resetKiosk(parts: ResetParts): Promise<string> {
  const { dataDir } = parts;
  const credentialsDir = ownCredentialsDir(dataDir);
  const isEnrolled = guard(dataDir, () => !isVacant(credentialsDir));
  if (!isEnrolled) {
    guard(dataDir, () => rmSync(join(dataDir, leavingFolder), { recursive: true, force: true }));
    return `The kiosk in ${dataDir} is not enrolled by an invitation: there is nothing to forget.\n`;
  }
  const who = await whoIs(credentialsDir, parts);
  const hasOutbox = existsSync(join(dataDir, outboxFileName));
  const kept = !hasOutbox ? '' : who === null ? setOutboxAside(dataDir) : await clearOutbox(who.kiosk, parts);
  guard(dataDir, () => forget(dataDir, credentialsDir));
  const was = who === null ? 'The kiosk' : `The kiosk was ${who.kiosk} of ${who.site} and`;
  const lines = [
    `${kept}${was} is a new one now. It waits for an invitation at its next start.`,
    `If it leaves the site, run on the gateway: npm run -s gateway -- revoke ${who?.kiosk ?? 'KIOSK'}`,
  ];
  return `${lines.join('\n')}\n`;
}

/** Null where the credentials are damaged, so that no kiosk can run on them, and `--force` goes on all the same. */
async function whoIs(credentialsDir: string, { force }: ResetParts): Promise<Credentials | null> {
  try {
    return await readCredentials(credentialsDir);
  } catch (error) {
    if (force && error instanceof Fault && error.code === 'CREDENTIALS_INVALID') return null;
    throw error;
  }
}

/** An outbox that cannot be looked into without knowing whose it is. */
function setOutboxAside(dataDir: string): string {
  const aside = join(dataDir, `unsent-${randomUUID()}.db`);
  guard(dataDir, () => {
    for (const suffix of ['-wal', '']) {
      const path = join(dataDir, outboxFileName + suffix);
      if (existsSync(path)) renameSync(path, aside + suffix);
    }
    syncFolder(dataDir);
  });
  return `The credentials are damaged, so the outbox was not looked into. It is kept in ${aside}.\n`;
}

/** First the outbox: without it an enrolled kiosk works, and with it a new one could not. */
async function clearOutbox(kiosk: string, { dataDir, force, ...parts }: ResetParts): Promise<string> {
  const outbox = openOutbox({ dir: dataDir, kiosk, ...parts });
  const { epoch } = outbox;
  const depth = outbox.depth();
  const oldestMs = outbox.oldestAtMs();
  await outbox[Symbol.asyncDispose]();
  const oldest = oldestMs === null ? '' : `, the oldest of ${new Date(oldestMs).toISOString()}`;
  if (depth > 0 && !force) throw new Fault('RESET_UNSENT', `${depth} of them${oldest}, in ${dataDir}.`);
  const path = join(dataDir, outboxFileName);
  const aside = join(dataDir, `unsent-${epoch}.db`);
  guard(dataDir, () => {
    if (depth > 0) renameSync(path, aside);
    else rmSync(path);
    syncFolder(dataDir);
  });
  return depth === 0 ? '' : `Never sent, and not going to be: ${depth} entries${oldest}. They are kept in ${aside}.\n`;
}

function forget(dataDir: string, credentialsDir: string): void {
  const leaving = join(dataDir, leavingFolder);
  rmSync(leaving, { recursive: true, force: true });
  // Before the credentials: a new kiosk must not take the cards of a site that it has left.
  rmSync(rulesDir(dataDir), { recursive: true, force: true });
  syncFolder(dataDir);
  renameSync(credentialsDir, leaving);
  syncFolder(dataDir);
  for (const name of readdirSync(dataDir)) {
    if (name === leavingFolder || name === foundFileName || name.startsWith('enrolling-'))
      rmSync(join(dataDir, name), { recursive: true });
  }
}

function guard<T>(dataDir: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw new Fault('DATA_DIR_UNUSABLE', `${dataDir}: ${describeError(error)}.`, { cause: error });
  }
}
