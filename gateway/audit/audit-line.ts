/**
 * One line of the audit: what it holds, how it is written, and how it is told from one that was changed. Its `hash` is
 * SHA-256, hexadecimal, over the line's bytes up to the comma before `"hash"`; `prev`, inside those bytes, is the hash of
 * the line before. So every line vouches for itself and for all that came before it.
 */
import { createHash } from 'node:crypto';
import { z } from 'zod';

/** A line is at most this long, in bytes with its end; a longer one is a bug, or no line of the audit. */
export const auditLineBytesMax = 16 * 1024;

/** What stands in the first line for the hash of the line before. */
export const noHash = '0'.repeat(64);

/** Where the audit ends: the number and the hash of its last line. */
export interface AuditEnd {
  /** The first line has 1; 0 where there is none. */
  readonly seq: number;
  readonly hash: string;
}

/** An audit without a line. */
export const auditStart: AuditEnd = Object.freeze({ seq: 0, hash: noHash });

const fact = z.union([z.string(), z.number(), z.boolean(), z.null(), z.array(z.string())]);
const hex = z.string().regex(/^[0-9a-f]{64}$/);

const lineSchema = z.strictObject({
  seq: z.int().min(1),
  at: z.iso.datetime(),
  user: z.string(),
  login: z.string().nullable(),
  command: z.string(),
  action: z.string(),
  what: z.record(z.string(), fact),
  why: z.string().nullable(),
  prev: hex,
  hash: hex,
});

/** A line of the audit, read. */
export type AuditLine = z.infer<typeof lineSchema>;

/** What a line says, before it has a place. */
export type AuditDraft = Omit<AuditLine, 'seq' | 'prev' | 'hash'>;

/** Writes the line that follows `end`, with its line feed, and says where the audit ends then. */
export function encodeAuditLine(draft: AuditDraft, end: AuditEnd): { readonly text: string; readonly end: AuditEnd } {
  const { at, user, login, command, action, what, why } = draft;
  const seq = end.seq + 1;
  const whole = JSON.stringify({ seq, at, user, login, command, action, what, why, prev: end.hash });
  const head = whole.slice(0, -1);
  const hash = sha256(Buffer.from(head));
  return { text: `${head},"hash":"${hash}"}\n`, end: { seq, hash } };
}

/** What bytes without their line feed are: a line that fits its own hash, or not. `claimed` is the hash it bears. */
export type ReadAuditLine =
  | { readonly ok: true; readonly line: AuditLine }
  | { readonly ok: false; readonly claimed: string | null };

const tail = /,"hash":"([0-9a-f]{64})"\}$/;

/** Reads one line. Never throws. */
export function readAuditLine(bytes: Buffer): ReadAuditLine {
  const claimed = tail.exec(bytes.subarray(-128).toString('latin1'))?.[1] ?? null;
  if (claimed === null) return { ok: false, claimed };
  const headBytes = bytes.length - claimed.length - `,"hash":""}`.length;
  if (sha256(bytes.subarray(0, headBytes)) !== claimed) return { ok: false, claimed };
  try {
    return { ok: true, line: lineSchema.parse(JSON.parse(bytes.toString())) };
  } catch {
    return { ok: false, claimed };
  }
}

/** SHA-256, hexadecimal. */
export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
