/**
 * Attempts at the passphrase: one at a time for all processes, each recorded and counted before it is evaluated, so that
 * ending the process spares nobody the count; and each wrong one makes the next wait longer.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { describeError, Fault } from '../../shared/fault.ts';
import type { Clock } from '../../shared/ports.ts';
import { isErrno } from '../../shared/system-error.ts';
import { sleep } from '../../shared/time.ts';
import { openAudit } from '../audit/audit.ts';
import { lockProcess } from '../process-lock.ts';
import { replaceFile, secretFileMode } from '../trust/durable-file.ts';
import { toDiskFault } from '../trust/trust-files.ts';

/** The counter and its lock, in the trust folder. */
export const attemptFiles = { counter: 'passphrase.json', lock: 'passphrase.lock' } as const;

/** What the attempt after the first wrong one waits, in milliseconds; each further wrong one doubles it. */
export const firstDelayMs = 1_000;

/** No attempt waits longer, in milliseconds: an officer who mistyped must not lose the night. */
export const delayMaxMs = 5 * 60_000;

/** What is known of attempts since the last right one. */
export interface Attempts {
  readonly wrong: number;
  /** When the last wrong one was, milliseconds since the Unix epoch; also one before the last right one; null: never. */
  readonly lastWrongMs: number | null;
}

const noAttempts: Attempts = { wrong: 0, lastWrongMs: null };

const counterSchema = z.strictObject({ wrong: z.int().min(0), lastWrongMs: z.int().nullable() });

/** How long the next attempt waits after so many wrong ones. */
export function delayAfterMs(wrong: number): number {
  return wrong === 0 ? 0 : Math.min(firstDelayMs * 2 ** Math.min(wrong - 1, 30), delayMaxMs);
}

/**
 * How long an attempt must wait now. A clock that was set back makes it the whole delay again; one that was set forward
 * shortens it, as only an administrator could.
 */
export function waitBeforeMs({ wrong, lastWrongMs }: Attempts, nowMs: number): number {
  const delayMs = delayAfterMs(wrong);
  const sinceMs = nowMs - (lastWrongMs ?? 0);
  return sinceMs < 0 ? delayMs : Math.max(0, delayMs - sinceMs);
}

/** What became of an attempt. */
export type Attempted<T> =
  /** `wrongBefore`: how many were wrong since the last right one. */
  | { readonly type: 'right'; readonly value: T; readonly wrongBefore: number }
  /** `nextWaitMs`: what the next one waits. */
  | { readonly type: 'wrong'; readonly wrong: number; readonly nextWaitMs: number }
  /** The program was asked to stop while it waited; nothing was tried. */
  | { readonly type: 'stopped' };

/** What attempts are made with. */
export interface AttemptContext {
  readonly dataDir: string;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Told before a wait begins. */
  onWait(wrong: number, waitMs: number): void;
}

/** The counter as it stands. One that cannot be understood counts as many wrong ones, just now. Throws DATA_DIR_UNUSABLE. */
export async function readAttempts(dataDir: string, nowMs: number): Promise<Attempts> {
  const folder = join(dataDir, 'trust');
  let text: string;
  try {
    text = await readFile(join(folder, attemptFiles.counter), 'utf8');
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return noAttempts;
    throw toDiskFault(folder, error);
  }
  try {
    return counterSchema.parse(JSON.parse(text));
  } catch {
    return { wrong: Math.ceil(Math.log2(delayMaxMs / firstDelayMs)) + 1, lastWrongMs: nowMs };
  }
}

/**
 * Waits as long as it must, records and counts the attempt, then makes it.
 * Throws the Faults PASSPHRASE_BUSY, AUDIT_WRITE_FAILED and DATA_DIR_UNUSABLE, and what `attempt` throws: such an attempt
 * stays counted.
 * @param purpose what it is for, for the audit.
 * @param attempt gives null where the passphrase is wrong.
 */
export async function tryPassphrase<T>(
  purpose: string,
  context: AttemptContext,
  attempt: () => Promise<T | null>,
): Promise<Attempted<T>> {
  const { dataDir, clock, signal } = context;
  const audit = openAudit(dataDir, { clock });
  using _ = lockTrust(dataDir, attemptFiles.lock);
  const before = await readAttempts(dataDir, clock.nowMs());
  const waitMs = waitBeforeMs(before, clock.nowMs());
  if (waitMs > 0) {
    context.onWait(before.wrong, waitMs);
    await sleep(clock, waitMs, signal);
  }
  if (signal.aborted) return { type: 'stopped' };
  const wrong = before.wrong + 1;
  await audit.record({ action: 'passphrase.attempt', what: { purpose, wrongBefore: before.wrong } });
  await write(dataDir, { wrong, lastWrongMs: clock.nowMs() });
  const value = await attempt();
  if (value === null) {
    await write(dataDir, { wrong, lastWrongMs: clock.nowMs() });
    await audit.record({ action: 'passphrase.wrong', what: { purpose, wrong } });
    return { type: 'wrong', wrong, nextWaitMs: delayAfterMs(wrong) };
  }
  await audit.record({ action: 'passphrase.right', what: { purpose, wrongBefore: before.wrong } });
  await write(dataDir, { wrong: 0, lastWrongMs: before.lastWrongMs });
  return { type: 'right', value, wrongBefore: before.wrong };
}

/**
 * Takes a lock in the trust folder, or throws the Fault PASSPHRASE_BUSY at once where another process has it; and the Fault
 * DATA_DIR_UNUSABLE.
 */
export function lockTrust(dataDir: string, name: string): Disposable {
  const path = join(dataDir, 'trust', name);
  try {
    return lockProcess(path, 0);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    if (code.startsWith('SQLITE_BUSY')) throw new Fault('PASSPHRASE_BUSY', `File: ${path}.`, { cause: error });
    throw new Fault('DATA_DIR_UNUSABLE', `${path}: ${describeError(error)}.`, { cause: error });
  }
}

async function write(dataDir: string, attempts: Attempts): Promise<void> {
  const folder = join(dataDir, 'trust');
  const content = `${JSON.stringify(attempts)}\n`;
  try {
    await replaceFile(folder, { name: attemptFiles.counter, content, mode: secretFileMode });
  } catch (error) {
    throw toDiskFault(folder, error);
  }
}
