/** Which certificates were made for kiosks, which are cut off, and which were used: three files to which lines are added. */
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { isErrno } from '../../shared/system-error.ts';
import { kioskIdSchema } from '../../shared/topics.ts';
import { readLines } from './durable-file.ts';

const serial = z.string().regex(/^[0-9a-f]{1,40}$/, 'must be hexadecimal');

const enrolledSchema = z.looseObject({
  kiosk: kioskIdSchema,
  serial,
  notAfter: z.iso.datetime(),
  at: z.iso.datetime(),
  keys: z.object({ authority: z.string(), site: z.string(), subject: z.string() }).optional(),
});

const revokedSchema = z.looseObject({ kiosk: kioskIdSchema, serial, at: z.iso.datetime() });

/** A certificate that was made for a kiosk, as `enrolled.jsonl` records it, one JSON object a line. */
export interface Enrolled {
  readonly kiosk: string;
  /** The certificate's serial number, hexadecimal. */
  readonly serial: string;
  /** When the certificate ends, and when it was made by the gateway's clock: UTC, ISO 8601. */
  readonly notAfter: string;
  readonly at: string;
  /** The ids of the keys that it was given with; absent: the site's first ones. */
  readonly keys?: { readonly authority: string; readonly site: string; readonly subject: string } | undefined;
}

/** A certificate that was cut off, as `revoked.jsonl` records it. */
export type Revoked = Omit<Enrolled, 'notAfter' | 'keys'>;

/** A kiosk came with another certificate than before, as `used.jsonl` records it. */
export type Used = Revoked;

/** Reads `enrolled.jsonl`; none where there is no file. A line that a power cut left torn is passed over: its certificate was never handed out. */
export async function readEnrolled(path: string): Promise<readonly Enrolled[]> {
  return readFrom(path, enrolledSchema);
}

/** Reads `revoked.jsonl`; none where there is no file. */
export async function readRevoked(path: string): Promise<readonly Revoked[]> {
  return readFrom(path, revokedSchema);
}

/** Reads `used.jsonl`; none where there is no file. */
export async function readUsed(path: string): Promise<readonly Used[]> {
  return readFrom(path, revokedSchema);
}

async function readFrom<T>(path: string, schema: z.ZodType<T>): Promise<readonly T[]> {
  try {
    return readLines(await readFile(path, 'utf8'), schema);
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return [];
    throw error;
  }
}
