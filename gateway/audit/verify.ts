/** Looks through the audit for what was cut, changed, put in, taken out or reordered. */
import { createHash, type Hash } from 'node:crypto';
import { closeSync, openSync } from 'node:fs';
import { describeError, Fault } from '../../shared/fault.ts';
import { isErrno, isSystemError } from '../../shared/system-error.ts';
import { type AuditHead, auditPaths, type Piece, readAuditHead, readPieces } from './audit-file.ts';
import { type AuditEnd, type AuditLine, auditStart, readAuditLine } from './audit-line.ts';

/** At most this many problems are listed. */
export const auditProblemsMax = 1000;

/** Something that is not as it was written. */
export interface AuditProblem {
  /** The line of the file, from 1. */
  readonly line: number;
  readonly problem: string;
}

/** What there is of the audit, and whether it is whole. */
export interface AuditReport {
  readonly lines: number;
  /** The last line that can be read: kept on paper or on another machine, it proves a later cut. */
  readonly end: AuditEnd;
  readonly problems: readonly AuditProblem[];
  /** Lines that a power cut left torn and that were accounted for by the next. */
  readonly mended: number;
  /** Whether something lies behind the head that the next line will account for; it was never said to be done. */
  readonly unfinished: boolean;
}

/**
 * Reads the whole audit, also while others add to it. Throws the Fault AUDIT_READ_FAILED.
 * An audit that was never begun has no lines and no problems.
 */
export function verifyAudit(dataDir: string): AuditReport {
  const paths = auditPaths(dataDir);
  try {
    // The head first: a file that is read later holds at least what the head says.
    const verifier = new Verifier(readAuditHead(paths.head));
    for (const piece of piecesOf(paths.file)) verifier.take(piece);
    return verifier.report();
  } catch (error) {
    throw toReadFault(paths.file, error);
  }
}

/** The pieces of a file from its beginning; none where there is no file. Throws what the system says. */
export function* piecesOf(path: string): Generator<Piece> {
  let descriptor: number;
  try {
    descriptor = openSync(path, 'r');
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return;
    throw error;
  }
  try {
    yield* readPieces(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** An error of the disk as the Fault AUDIT_READ_FAILED, anything else as it is. */
export function toReadFault(path: string, error: unknown): unknown {
  if (!isSystemError(error)) return error;
  return new Fault('AUDIT_READ_FAILED', `File: ${path}: ${describeError(error)}.`, { cause: error });
}

/** Pieces in a row that are no lines: what a power cut left, if the next line says so; or else what somebody did. */
interface Strange {
  readonly lines: number[];
  readonly digest: Hash;
  /** The hash that the last of them bears. */
  claimed: string | null;
}

class Verifier {
  readonly #head: AuditHead | 'missing' | 'damaged';
  readonly #problems: AuditProblem[] = [];
  /** What the next line must follow; the hash is null where what it must follow cannot be read. */
  #before: { readonly seq: number; readonly hash: string | null } = auditStart;
  #end: AuditEnd = auditStart;
  #lines = 0;
  #mended = 0;
  #strange: Strange | null = null;
  #headSeen: boolean;

  constructor(head: AuditHead | 'missing' | 'damaged') {
    this.#head = head;
    this.#headSeen = typeof head === 'object' && head.seq === 0;
  }

  take({ bytes, ended }: Piece): void {
    this.#lines++;
    const read = readAuditLine(bytes);
    if (!read.ok) {
      this.#strange ??= { lines: [], digest: createHash('sha256'), claimed: null };
      this.#strange.lines.push(this.#lines);
      this.#strange.digest.update(bytes).update(ended ? '\n' : '');
      this.#strange.claimed = read.claimed;
      return;
    }
    this.#settleStrange(read.line);
    this.#follow(read.line);
    const isHead = typeof this.#head === 'object' && read.line.hash === this.#head.hash;
    if (!ended && !this.#headSeen) this.#tell(this.#lines, 'its end is cut off');
    this.#headSeen ||= isHead;
  }

  report(): AuditReport {
    const unfinished = this.#strange !== null && this.#headSeen;
    if (!unfinished) this.#settleStrange(null);
    this.#checkHead();
    const lines = this.#lines - (unfinished ? (this.#strange?.lines.length ?? 0) : 0);
    return { lines, end: this.#end, problems: this.#problems, mended: this.#mended, unfinished };
  }

  #follow({ seq, prev, hash, action }: AuditLine): void {
    const { seq: last, hash: expected } = this.#before;
    if (seq > last + 1) {
      this.#tell(this.#lines, `what had the numbers ${last + 1} to ${seq - 1} is missing before number ${seq}`);
    } else if (seq <= last) {
      this.#tell(this.#lines, `number ${seq} is out of its place, behind number ${last}`);
    } else if (expected !== null && prev !== expected) {
      this.#tell(this.#lines, `number ${seq} does not follow the line before it: that one was replaced`);
    }
    if (action === 'audit.head-lost')
      this.#tell(this.#lines, 'the head was lost before this: lines may have been cut off');
    if (action === 'audit.end-damaged') this.#tell(this.#lines, 'the end was cut off or changed before this');
    this.#before = { seq, hash };
    this.#end = { seq, hash };
  }

  /** Decides what pieces that are no lines were, now that the next line is here, or the end. */
  #settleStrange(next: AuditLine | null): void {
    const strange = this.#strange;
    if (strange === null) return;
    this.#strange = null;
    const accounted =
      next?.action === 'audit.mended' &&
      next.prev === this.#before.hash &&
      next.what.sha256 === strange.digest.digest('hex');
    if (accounted) {
      this.#mended += strange.lines.length;
      return;
    }
    for (const line of strange.lines) this.#tell(line, 'was changed, or is no line of the audit');
    this.#before = { seq: this.#before.seq + strange.lines.length, hash: strange.claimed };
  }

  #checkHead(): void {
    const last = Math.max(1, this.#lines);
    if (typeof this.#head === 'string') {
      if (this.#lines === 0 && this.#head === 'missing') return;
      this.#tell(last, `the head in the trust folder is ${this.#head}: whether lines were cut off cannot be told`);
    } else if (!this.#headSeen) {
      const { seq, hash } = this.#head;
      this.#tell(last, `number ${seq}, the last that was written, is cut off or changed: its hash was ${hash}`);
    }
  }

  #tell(line: number, problem: string): void {
    if (this.#problems.length < auditProblemsMax) this.#problems.push({ line, problem });
  }
}
