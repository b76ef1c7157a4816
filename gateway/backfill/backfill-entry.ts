/** From a written passing to an entry whose id follows from what was written, so that a second reading makes no second entry. */
import { createHmac } from 'node:crypto';
import type { Warning } from '../../shared/code/code.ts';
import { compareWithNumber, readIdNumber } from '../../shared/code/id-number.ts';
import { readDocumentNumber, readInsuranceNumber } from '../../shared/code/written-number.ts';
import { encodeEntry } from '../../shared/entry.ts';
import { type Identity, type IdentitySealer, subjectOf } from '../../shared/identity.ts';
import type { PaperLine } from './paper-list.ts';
import type { Passing } from './paper-row.ts';

/** The `code.kind` of what was written down. */
export const paperKind = 'paper';

/** A line with its place: each is an outbox of its own, which holds one entry. */
export interface PlacedLine extends PaperLine {
  readonly id: string;
  readonly epoch: string;
}

/**
 * Gives each line its id and its epoch: UUIDs of version 8 (RFC 9562 §5.8), cut from HMAC-SHA256 over gate, direction,
 * time and the number, or name, birth year and phone where there is no number. Lines that say the same are numbered, so
 * that each of them is an entry of its own.
 * @param key secret and never changed: without it an id would let anybody prove a guess of who passed, and with another
 *   every list would be taken again.
 */
export function placeLines(lines: readonly PaperLine[], gate: string, key: Uint8Array): readonly PlacedLine[] {
  const seen = new Map<string, number>();
  return lines.map((line) => {
    const { at, direction, number, name, birthYear, phone } = line.passing;
    const who = number === null ? [name?.toLowerCase(), birthYear, phone] : [number];
    const content = JSON.stringify([gate, direction, at, ...who]);
    const copy = (seen.get(content) ?? 0) + 1;
    seen.set(content, copy);
    const uuid = (use: string) => toUuid(createHmac('sha256', key).update(`${use}\n${copy}\n${content}`).digest());
    return { ...line, id: uuid('ravao backfill id v1'), epoch: uuid('ravao backfill epoch v1') };
  });
}

function toUuid(digest: Buffer): string {
  const bytes = digest.subarray(0, 16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x80;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

/** What entries are made with. */
export interface PaperMaker {
  readonly kiosk: string;
  readonly gate: string;
  readonly subjectKey: Uint8Array;
  readonly sealer: IdentitySealer;
}

/** Makes a line's entry in its wire form. No clock vouches for what was written: it counts as unsynchronised. */
export async function makePaperEntry(line: PlacedLine, maker: PaperMaker): Promise<string> {
  const { id, epoch, passing } = line;
  const { kiosk, gate, subjectKey, sealer } = maker;
  const warnings = findWarnings(passing);
  return encodeEntry(
    {
      id,
      at: passing.at,
      clock: { synced: false, boot: paperKind, monotonicMs: 0 },
      gate,
      direction: passing.direction,
      outcome: 'admitted',
      reason: 'ok',
      method: 'backfill',
      code: { kind: paperKind, verified: false, ...(warnings.length > 0 ? { warnings } : {}) },
      subject: subjectOfPassing(passing, subjectKey),
      identity: await sealer.seal(toIdentity(passing), id),
    },
    { kiosk, epoch, seq: 1 },
  );
}

/** As a kiosk would have had it from the card; null where no number was written. */
function subjectOfPassing({ number }: Passing, subjectKey: Uint8Array): string | null {
  if (number === null) return null;
  return subjectOf(subjectKey, readInsuranceNumber(number) ?? readDocumentNumber(number) ?? `doc:${number}`);
}

function toIdentity({ name, number, birthYear, phone }: Passing): Identity {
  return {
    ...(name === null ? {} : { name }),
    ...(number === null ? {} : { number }),
    ...(birthYear === null ? {} : { birthYear }),
    ...(phone === null ? {} : { phone }),
  };
}

function findWarnings({ number, birthYear, name }: Passing): Warning[] {
  const rules = number === null ? null : readIdNumber(number);
  const warnings: Warning[] = [];
  if (name === null) warnings.push('name-missing');
  if (rules !== null) warnings.push(...compareWithNumber(rules, { birthYear, sex: null }));
  return warnings;
}
