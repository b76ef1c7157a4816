/** The real outbox with a witness before it, who checks what is asked of it, and ends it where its process has died. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { linkLimits } from '../../kiosk/link-limits.ts';
import { type Outbox, type OutboxOptions, openOutbox, outboxFileName, type Presence } from '../../kiosk/outbox.ts';
import type { EntryDraft } from '../../shared/entry.ts';
import { Fault } from '../../shared/fault.ts';
import { copyFiles } from './disk.ts';
import type { LedgerEntry } from './ledger.ts';
import { ProcessDied, type SimProcess, worldStartMs } from './machine.ts';
import type { Surroundings } from './surroundings.ts';

interface Guard {
  readonly kiosk: string;
  readonly dir: string;
  readonly process: SimProcess;
  readonly world: Surroundings;
  /** An entry is on disk. */
  readonly onKept: (entry: LedgerEntry) => void;
  /** An entry was refused by the disk. */
  readonly onFailed: (draft: EntryDraft, presence: Presence | null) => void;
  /** A commit has succeeded. */
  readonly onWritten: () => void;
}

/** Every so many entries it is looked on the disk itself. */
const lookEvery = 16;

/** Wraps an outbox: what it is told to let go, and what it says it has kept, is checked against the ledger. */
export function guardOutbox(outbox: Outbox, guard: Guard): Outbox {
  const { kiosk, process, world, dir } = guard;
  const { ledger, trace } = world;
  const { epoch, entriesMax } = outbox;
  return {
    epoch,
    entriesMax,
    append(draft, presence = null, gate = null) {
      if (!process.alive) throw new ProcessDied(kiosk);
      const entry = ledger.attempted(kiosk, draft, worldStartMs + world.timeline.nowMs);
      try {
        const row = outbox.append(draft, presence, gate);
        ledger.placed(kiosk, epoch, row);
        entry.committed = true;
        if (outbox.depth() > entriesMax) world.fail(`${kiosk} holds more entries than it may`);
        if (row.seq % lookEvery === 0 && !isOnDisk(dir, `${dir}-look`, row.seq, row.body)) {
          world.fail(`${kiosk} says that seq ${row.seq} is on disk, and it is not`);
        }
        trace.add(kiosk, 'kept', { id: draft.id, seq: row.seq });
        guard.onWritten();
        guard.onKept(entry);
        return row;
      } catch (error) {
        if (process.alive) guard.onFailed(draft, presence);
        if (isFull(error)) world.happened(outbox.depth() >= entriesMax ? 'outbox-no-room' : 'outbox-no-space', kiosk);
        throw error;
      }
    },
    forget(seqs) {
      if (!process.alive) return;
      ledger.forgetting(kiosk, epoch, seqs);
      outbox.forget(seqs);
      trace.add(kiosk, 'forgot', { seqs });
      guard.onWritten();
    },
    gate: () => (process.alive ? outbox.gate() : null),
    lastDirection: (subject) => (process.alive ? outbox.lastDirection(subject) : null),
    peek: (afterSeq, limit) => {
      if (limit > linkLimits.windowMax) world.fail(`${kiosk} would have ${limit} entries under way at once`);
      return process.alive ? outbox.peek(afterSeq, limit) : [];
    },
    depth: () => (process.alive ? outbox.depth() : 0),
    oldestAtMs: () => (process.alive ? outbox.oldestAtMs() : null),
    level: () => (process.alive ? outbox.level() : 'ok'),
    [Symbol.asyncDispose]: () => outbox[Symbol.asyncDispose](),
  };
}

/** Whether the outbox refused by its own measure; a full disk that SQLite reports has a cause. */
function isFull(error: unknown): boolean {
  return error instanceof Fault && error.code === 'OUTBOX_FULL' && error.cause === undefined;
}

/** Looks for an entry in a copy of the files as they are now: what a power cut would leave. */
function isOnDisk(dir: string, copyDir: string, seq: number, body: string): boolean {
  copyFiles(dir, copyDir);
  const database = new Database(join(copyDir, outboxFileName));
  try {
    return database.prepare('SELECT body FROM entries WHERE seq = ?').pluck().get(seq) === body;
  } finally {
    database.close();
    rmSync(copyDir, { recursive: true });
  }
}

/**
 * What a commit leaves that has failed in its fsync: the process takes it for undone, but its frames are in the log, and
 * the next process reads them there. Made by doing the same to a copy.
 */
export function keepAsPhantom(
  dir: string,
  phantomDir: string,
  options: Omit<OutboxOptions, 'dir'>,
  draft: EntryDraft,
  presence: Presence | null,
): void {
  const workDir = `${phantomDir}-work`;
  for (const old of [phantomDir, workDir]) rmSync(old, { recursive: true, force: true });
  copyFiles(dir, workDir);
  const outbox = openOutbox({ ...options, dir: workDir });
  outbox.append(draft, presence);
  copyFiles(workDir, phantomDir);
  void outbox[Symbol.asyncDispose]();
  rmSync(workDir, { recursive: true });
}
