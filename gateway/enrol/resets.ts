/**
 * Orders to kiosks to become new ones: a file for each in `resets/`, written by the command `kiosks reset`, told to the
 * kiosk by the serving gateway, and removed when the kiosk has said that it leaves.
 */
import { randomUUID } from 'node:crypto';
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { describeError } from '../../shared/fault.ts';
import { type LeaveAnswer, leaveRequestSchema, type Orders } from '../../shared/orders.ts';
import type { Clock, Log } from '../../shared/ports.ts';
import { makeDurableFolder, syncFolderAsync } from '../../shared/system/durable.ts';
import { isErrno } from '../../shared/system-error.ts';
import { kioskIdSchema, ordersTopic } from '../../shared/topics.ts';
import type { Announcements } from '../announcements.ts';
import type { Audit } from '../audit/audit.ts';
import { keepLooking } from '../looking.ts';
import type { Answer } from '../questions.ts';
import { SparseLog } from '../sparse-log.ts';
import type { Trust } from '../trust/authority.ts';
import { publicFileMode, replaceFile } from '../trust/durable-file.ts';

/** How often the serving gateway looks for orders, in milliseconds: one system call. */
export const lookEveryMs = 1_000;

const repeatLogMs = 60_000;

const orderSchema = z.looseObject({ v: z.literal(1), id: z.uuid(), at: z.iso.datetime() });

/** An order that stands. */
export type ResetOrder = z.infer<typeof orderSchema>;

function folderOf(dataDir: string): string {
  return join(dataDir, 'resets');
}

/** Writes the order, unless there is one. Throws what the system says. */
export async function orderReset(dataDir: string, kiosk: string, clock: Clock): Promise<ResetOrder> {
  const before = (await readResets(dataDir)).get(kiosk);
  if (before !== undefined) return before;
  const order: ResetOrder = { v: 1, id: randomUUID(), at: new Date(clock.nowMs()).toISOString() };
  makeDurableFolder(folderOf(dataDir));
  const content = `${JSON.stringify(order)}\n`;
  await replaceFile(folderOf(dataDir), { name: `${kiosk}.json`, content, mode: publicFileMode });
  return order;
}

/** The orders that stand, by kiosk. A file that cannot be read as one is passed over. Throws what the system says. */
export async function readResets(dataDir: string): Promise<ReadonlyMap<string, ResetOrder>> {
  const orders = new Map<string, ResetOrder>();
  for (const name of await listNames(dataDir)) {
    const kiosk = kioskIdSchema.safeParse(name.replace(/\.json$/, '')).data;
    const order =
      kiosk === undefined || !name.endsWith('.json') ? null : await readOrder(join(folderOf(dataDir), name));
    if (kiosk !== undefined && order !== null) orders.set(kiosk, order);
  }
  return orders;
}

/** Takes an order back, or marks it as done. Throws what the system says. */
export async function dropReset(dataDir: string, kiosk: string): Promise<void> {
  await rm(join(folderOf(dataDir), `${kiosk}.json`), { force: true });
  if ((await listNames(dataDir)).length > 0) await syncFolderAsync(folderOf(dataDir));
}

async function listNames(dataDir: string): Promise<readonly string[]> {
  try {
    return (await readdir(folderOf(dataDir))).toSorted();
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return [];
    throw error;
  }
}

async function readOrder(path: string): Promise<ResetOrder | null> {
  try {
    return orderSchema.safeParse(JSON.parse(await readFile(path, 'utf8'))).data ?? null;
  } catch {
    return null; // taken back meanwhile, or damaged
  }
}

/** Tells kiosks of the orders that stand, and of those that stand no more, until disposed. */
export function tellResets(options: {
  readonly dataDir: string;
  readonly announcements: Pick<Announcements, 'retain'>;
  readonly clock: Clock;
  readonly log: Log;
}): AsyncDisposable {
  const { dataDir, announcements, clock, log } = options;
  const sparse = new SparseLog(clock, log, repeatLogMs);
  const told = new Map<string, string>();
  const look = async () => {
    const orders = await readResets(dataDir);
    for (const [kiosk, { id }] of orders) {
      if (told.get(kiosk) === id) continue;
      const payload: Orders = { v: 1, kiosk, reset: id };
      await announcements.retain(ordersTopic(kiosk), Buffer.from(JSON.stringify(payload)));
      told.set(kiosk, id);
      log.info('reset.told', { kiosk });
    }
    for (const kiosk of [...told.keys()].filter((one) => !orders.has(one))) {
      await announcements.retain(ordersTopic(kiosk), new Uint8Array(0));
      told.delete(kiosk);
    }
  };
  return keepLooking(look, {
    everyMs: lookEveryMs,
    first: 'now',
    clock,
    onFailure: (error) => sparse.write('error', 'reset.not-told', '', { error: describeError(error) }),
  });
}

/** Answers the question `leave`: cuts the kiosk off for good, where it was ordered to go, and says so. */
export function answerLeaves(options: {
  readonly dataDir: string;
  readonly trust: Pick<Trust, 'revoke'>;
  readonly audit: Audit;
  readonly log: Log;
}): Answer {
  const { dataDir, trust, audit, log } = options;
  return async (kiosk, payload) => {
    const left = await leave(kiosk, payload);
    return Buffer.from(JSON.stringify({ v: 1, left } satisfies LeaveAnswer));
  };

  async function leave(kiosk: string, payload: Uint8Array): Promise<boolean> {
    const order = (await readResets(dataDir)).get(kiosk);
    if (order === undefined || readRequest(payload)?.reset !== order.id) {
      log.warn('reset.refused', { kiosk });
      return false;
    }
    await audit.record({ action: 'kiosk.reset', what: { kiosk } });
    const certificates = await trust.revoke(kiosk);
    await dropReset(dataDir, kiosk);
    log.info('reset.done', { kiosk, certificates });
    return true;
  }
}

function readRequest(payload: Uint8Array) {
  try {
    return leaveRequestSchema.safeParse(JSON.parse(Buffer.from(payload).toString())).data ?? null;
  } catch {
    return null;
  }
}
