/**
 * Who is inside, as a gateway tells it to kiosks where the site wants passback or a limit: passages on one retained
 * topic, and everybody's last one before as chunks of a snapshot. Binary, big-endian. The README tells the whole way.
 */

import type { Direction } from './entry.ts';
import { listedSubject, subjectBytes } from './site-rules.ts';

/** The list of the snapshot's chunks (`listChunkTopic`). */
export const snapshotList = 'passages';

/** A passage: subject 16, then its time as a float64 in milliseconds since the Unix epoch, below zero for `out`. */
const passageBytes = subjectBytes + 8;

/** Version 1, complete 1, zero 2, generation 4, inside 4, since 8 (float64). */
const headBytes = 20;
const version = 1;

/** So many passages are told at once on the topic; more than that become part of a new snapshot. */
export const toldPassagesMax = 512;

/** So many passages are in one chunk of the snapshot. */
export const passagesPerChunk = 1_300;

/** Somebody's passage. */
export interface ToldPassage {
  /** As it stands in lists: 16 bytes, as a text of 16 characters of one byte each. */
  readonly person: string;
  readonly direction: Direction;
  /** Milliseconds since the Unix epoch. */
  readonly atMs: number;
}

/** What stands on the topic. */
export interface PresenceNotice {
  /** Which snapshot the passages follow; another one after each new snapshot. */
  readonly generation: number;
  /** Whether all kiosks are heard: if not, somebody may have gone out unheard. */
  readonly isComplete: boolean;
  /** Everybody who came before this has left, milliseconds since the Unix epoch. */
  readonly sinceMs: number;
  /** How many are inside. */
  readonly inside: number;
  readonly passages: readonly ToldPassage[];
}

/** A person as passages name them. @param subject 22 base64url characters. */
export function personOf(subject: string): string {
  return Buffer.from(listedSubject(subject)).toString('latin1');
}

/** Writes what stands on the topic. */
export function encodePresence({ generation, isComplete, sinceMs, inside, passages }: PresenceNotice): Uint8Array {
  const bytes = Buffer.alloc(headBytes + passages.length * passageBytes);
  bytes.writeUInt8(version, 0);
  bytes.writeUInt8(isComplete ? 1 : 0, 1);
  bytes.writeUInt32BE(generation, 4);
  bytes.writeUInt32BE(inside, 8);
  bytes.writeDoubleBE(sinceMs, 12);
  writePassages(bytes, headBytes, passages);
  return bytes;
}

/** Reads it; null where it is none, or one of a later version. */
export function decodePresence(payload: Uint8Array): PresenceNotice | null {
  const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
  if (bytes.length < headBytes || bytes.readUInt8(0) !== version) return null;
  const passages = readPassages(bytes, headBytes, toldPassagesMax);
  if (passages === null) return null;
  return {
    generation: bytes.readUInt32BE(4),
    isComplete: bytes.readUInt8(1) === 1,
    sinceMs: bytes.readDoubleBE(12),
    inside: bytes.readUInt32BE(8),
    passages,
  };
}

/** Writes a chunk of the snapshot. */
export function encodeSnapshot(generation: number, passages: readonly ToldPassage[]): Uint8Array {
  const bytes = Buffer.alloc(4 + passages.length * passageBytes);
  bytes.writeUInt32BE(generation, 0);
  writePassages(bytes, 4, passages);
  return bytes;
}

/** Reads a chunk; null where it is none. */
export function decodeSnapshot(
  payload: Uint8Array,
): { readonly generation: number; readonly passages: readonly ToldPassage[] } | null {
  const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
  if (bytes.length < 4) return null;
  const passages = readPassages(bytes, 4, passagesPerChunk);
  return passages && { generation: bytes.readUInt32BE(0), passages };
}

function writePassages(bytes: Buffer, from: number, passages: readonly ToldPassage[]): void {
  let at = from;
  for (const { person, direction, atMs } of passages) {
    bytes.write(person, at, 'latin1');
    bytes.writeDoubleBE(direction === 'in' ? atMs : -atMs, at + subjectBytes);
    at += passageBytes;
  }
}

function readPassages(bytes: Buffer, from: number, max: number): ToldPassage[] | null {
  const count = (bytes.length - from) / passageBytes;
  if (!Number.isInteger(count) || count > max) return null;
  return Array.from({ length: count }, (_, index) => {
    const at = from + index * passageBytes;
    const signedMs = bytes.readDoubleBE(at + subjectBytes);
    return {
      person: bytes.toString('latin1', at, at + subjectBytes),
      direction: signedMs > 0 ? 'in' : 'out',
      atMs: Math.abs(signedMs),
    };
  });
}
