/** The audit's files: `audit.jsonl` in the data directory, and where it ends in the trust folder. */
import { closeSync, fsyncSync, openSync, readFileSync, readSync, renameSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { syncFolder } from '../../shared/system/durable.ts';
import { isErrno } from '../../shared/system-error.ts';
import { secretFileMode } from '../trust/durable-file.ts';
import { type AuditEnd, auditLineBytesMax } from './audit-line.ts';

/** The audit's file in the data directory. */
export const auditFileName = 'audit.jsonl';

/** The head's file in the trust folder. */
export const auditHeadFileName = 'audit-head.json';

/** Bytes read at once. */
const chunkBytes = 64 * 1024;

/** Where the audit ends, and how long its file is then. Written after each line, so what lies behind it was never said to be done. */
export interface AuditHead extends AuditEnd {
  readonly bytes: number;
}

const headSchema = z.object({
  seq: z.int().min(0),
  hash: z.string().regex(/^[0-9a-f]{64}$/),
  bytes: z.int().min(0),
});

/** Where the audit of a data directory lies. */
export function auditPaths(dataDir: string) {
  const trust = join(dataDir, 'trust');
  return { file: join(dataDir, auditFileName), trust, head: join(trust, auditHeadFileName) };
}

/** The head; `missing`, or `damaged` where it cannot be understood. Throws what the system says. */
export function readAuditHead(path: string): AuditHead | 'missing' | 'damaged' {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return 'missing';
    throw error;
  }
  try {
    return headSchema.parse(JSON.parse(text));
  } catch {
    return 'damaged';
  }
}

/** Puts a head in place of the last one, durably. Only for who holds the audit's lock. */
export function writeAuditHead(folder: string, head: AuditHead): void {
  const aside = join(folder, `.${auditHeadFileName}.tmp`);
  const descriptor = openSync(aside, 'w', secretFileMode);
  try {
    writeSync(descriptor, `${JSON.stringify(head)}\n`);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  renameSync(aside, join(folder, auditHeadFileName));
  syncFolder(folder);
}

/** A piece of the file between two line feeds. */
export interface Piece {
  /** Where it begins, in bytes. */
  readonly offset: number;
  /** Without its line feed; no more than the beginning of one that is too long for a line. */
  readonly bytes: Buffer;
  /** Its length in the file, with its line feed. */
  readonly length: number;
  /** Whether it has a line feed. */
  readonly ended: boolean;
}

/** The pieces of an open file from an offset on, to its end as it is met. Throws what the system says. */
export function* readPieces(descriptor: number, from = 0): Generator<Piece> {
  const chunk = Buffer.alloc(chunkBytes);
  let kept: Buffer = Buffer.alloc(0);
  let offset = from;
  let length = 0;
  for (let position = from; ; ) {
    const count = readSync(descriptor, chunk, 0, chunkBytes, position);
    if (count === 0) break;
    position += count;
    for (let start = 0; start < count; ) {
      const feed = chunk.subarray(0, count).indexOf(0x0a, start);
      const end = feed === -1 ? count : feed;
      length += end - start;
      if (kept.length <= auditLineBytesMax) kept = Buffer.concat([kept, chunk.subarray(start, end)]);
      start = end + 1;
      if (feed === -1) continue;
      yield { offset, bytes: kept, length: length + 1, ended: true };
      offset += length + 1;
      length = 0;
      kept = Buffer.alloc(0);
    }
  }
  if (length > 0) yield { offset, bytes: kept, length, ended: false };
}
