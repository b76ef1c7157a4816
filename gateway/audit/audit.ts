/** The audit: who did what, when and why, in a file that only grows. The folder's page says what it can and cannot prove. */
import { strict as assert } from 'node:assert';
import { createHash } from 'node:crypto';
import { closeSync, fstatSync, fsyncSync, openSync, readSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { describeError, Fault } from '../../shared/fault.ts';
import type { Clock, Log } from '../../shared/ports.ts';
import { systemClock } from '../../shared/system/clock.ts';
import { syncFolder } from '../../shared/system/durable.ts';
import { isOperatingError, lockProcess } from '../process-lock.ts';
import { secretFileMode } from '../trust/durable-file.ts';
import { type Actor, thisActor } from './actor.ts';
import { type AuditHead, auditPaths, readAuditHead, readPieces, writeAuditHead } from './audit-file.ts';
import {
  type AuditDraft,
  type AuditEnd,
  auditLineBytesMax,
  auditStart,
  encodeAuditLine,
  readAuditLine,
} from './audit-line.ts';

/** How long to wait for another process that adds a line, in milliseconds. A line takes a few. */
const lockWaitMs = 10_000;

/** Something that was done, or is about to be. */
export interface Act {
  /** A stable dotted name: `kiosk.enrolled`. */
  readonly action: string;
  /** Ids and counts. Never a person's name or number. */
  readonly what: AuditDraft['what'];
  /** The reason that the one who acts gives. */
  readonly why?: string | null;
}

export interface Audit {
  /**
   * Adds a line. It is on disk (fsync) when the promise resolves: only then may the act be said to be done, and what
   * must not happen unrecorded is done only then. Waits for other processes that add a line. Rejects with the Fault
   * AUDIT_WRITE_FAILED. Resolves with the audit's new end.
   */
  record(act: Act): Promise<AuditEnd>;
}

/**
 * Opens the audit of a data directory; nothing is touched before the first line. Its trust folder must be there then
 * (`openTrust` makes it).
 * @param options who acts, and the time; the process's own unless told otherwise.
 */
export function openAudit(dataDir: string, options: { readonly actor?: Actor; readonly clock?: Clock } = {}): Audit {
  const { actor = thisActor(), clock = systemClock } = options;
  return {
    async record({ action, what, why = null }) {
      const draft = { at: new Date(clock.nowMs()).toISOString(), ...actor, action, what, why };
      try {
        return append(dataDir, draft);
      } catch (error) {
        if (!isOperatingError(error)) throw error;
        throw new Fault('AUDIT_WRITE_FAILED', `Directory: ${dataDir}: ${describeError(error)}.`, { cause: error });
      }
    },
  };
}

/** Keeps everybody from adding a line until it is disposed: for who copies the audit with its head. Throws what SQLite says. */
export function lockAudit(dataDir: string): Disposable {
  return lockProcess(join(dataDir, 'audit.lock'), lockWaitMs);
}

/**
 * Says in the log where the audit ends: the journal belongs to another user, so it proves a later cut. An audit that was
 * never begun is passed over.
 */
export function logAuditEnd(dataDir: string, log: Log): void {
  try {
    const head = readAuditHead(auditPaths(dataDir).head);
    if (head === 'damaged') log.warn('audit.head-damaged');
    else if (head !== 'missing') log.info('audit.end', { seq: head.seq, hash: head.hash });
  } catch (error) {
    log.warn('audit.unreadable', { error: describeError(error) });
  }
}

function append(dataDir: string, draft: AuditDraft): AuditEnd {
  const { file, trust, head: headPath } = auditPaths(dataDir);
  using _ = lockAudit(dataDir);
  const head = readAuditHead(headPath);
  const descriptor = openSync(file, 'a+', secretFileMode);
  try {
    const bytes = fstatSync(descriptor).size;
    // Before the first line, so that one without a head is told from one whose head was taken away.
    if (head === 'missing' && bytes === 0) writeAuditHead(trust, { ...auditStart, bytes: 0 });
    const { lead, end: before } = settle(descriptor, bytes, head, draft);
    const { text, end } = encodeAuditLine(draft, before);
    assert(Buffer.byteLength(text) <= auditLineBytesMax, 'a line of the audit is too long');
    const added = Buffer.from(lead + text);
    for (let done = 0; done < added.length; ) done += writeSync(descriptor, added, done);
    fsyncSync(descriptor);
    if (bytes === 0) syncFolder(dataDir);
    writeAuditHead(trust, { ...end, bytes: bytes + added.length });
    return end;
  } finally {
    closeSync(descriptor);
  }
}

/** What must stand before the next line, and the end that the next line follows. */
interface Settled {
  readonly lead: string;
  readonly end: AuditEnd;
}

/**
 * Looks where the file ends and whether that is where the head says. Never changes what is there: what a power cut left
 * is ended and accounted for in a line of its own, and what was cut off or changed stays to be found.
 */
function settle(
  descriptor: number,
  bytes: number,
  head: AuditHead | 'missing' | 'damaged',
  { at, user, login, command }: AuditDraft,
): Settled {
  const feed = bytes > 0 && readBytes(descriptor, bytes - 1, 1)[0] !== 0x0a ? '\n' : '';
  const note = (action: string, what: AuditDraft['what'], end: AuditEnd): Settled => {
    const line = encodeAuditLine({ at, user, login, command, action, what, why: null }, end);
    return { lead: feed + line.text, end: line.end };
  };
  if (head === 'missing' || head === 'damaged') {
    if (head === 'missing' && bytes === 0) return { lead: '', end: auditStart };
    return note('audit.head-lost', { head }, lastLine(descriptor));
  }
  if (!endsAt(descriptor, head)) return note('audit.end-damaged', { bytes, expected: head.bytes }, head);
  const { end, remainder } = follow(descriptor, head);
  if (remainder === null) return { lead: feed, end };
  const digest = createHash('sha256')
    .update(readBytes(descriptor, remainder, bytes - remainder))
    .update(feed);
  return note('audit.mended', { bytes: bytes - remainder + feed.length, sha256: digest.digest('hex') }, end);
}

/** Whether the file's first `head.bytes` bytes end with the head's line. */
function endsAt(descriptor: number, head: AuditHead): boolean {
  if (head.bytes === 0) return true;
  const tail = Buffer.from(`,"hash":"${head.hash}"}\n`);
  return readBytes(descriptor, Math.max(0, head.bytes - tail.length), tail.length).equals(tail);
}

/** Whole lines behind the head: their process ended before it came to the head. `remainder` is where what is no line begins. */
function follow(descriptor: number, head: AuditHead): { end: AuditEnd; remainder: number | null } {
  let end: AuditEnd = head;
  for (const { offset, bytes } of readPieces(descriptor, head.bytes)) {
    const read = readAuditLine(bytes);
    // Only its line feed may be missing: then the next line brings it.
    if (!read.ok || read.line.prev !== end.hash || read.line.seq !== end.seq + 1) {
      return { end, remainder: offset };
    }
    end = { seq: read.line.seq, hash: read.line.hash };
  }
  return { end, remainder: null };
}

/** The last line that can be read. */
function lastLine(descriptor: number): AuditEnd {
  let end = auditStart;
  for (const { bytes } of readPieces(descriptor)) {
    const read = readAuditLine(bytes);
    if (read.ok) end = { seq: read.line.seq, hash: read.line.hash };
  }
  return end;
}

function readBytes(descriptor: number, offset: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  let done = 0;
  while (done < length) {
    const count = readSync(descriptor, bytes, done, length - done, offset + done);
    if (count === 0) break;
    done += count;
  }
  return bytes.subarray(0, done);
}
