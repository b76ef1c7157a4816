import { type Entry, type EntryDraft, encodeEntry } from '../../shared/entry.ts';

/** A made-up entry's UUID (version 7 in form) for a number, so that tests can name entries by counting. */
export function uuid(number: number): string {
  return `019a1b2c-3d4e-7f00-8000-${number.toString(16).padStart(12, '0')}`;
}

/** The epoch that made-up entries have unless told otherwise. */
export const someEpoch = '019a1b2c-0000-7000-8000-00000000e0c4';

/** A made-up draft; `id` is {@link uuid} of `number`. */
export function makeDraft(number: number, changes: Partial<EntryDraft> = {}): EntryDraft {
  return {
    id: uuid(number),
    at: new Date(Date.UTC(2026, 10, 20, 8, 0, 0) + number).toISOString(),
    clock: { synced: true, boot: 'b0070000-0000-4000-8000-000000000001', monotonicMs: 60_000 + number },
    gate: 'Cổng A',
    direction: 'in',
    outcome: 'admitted',
    reason: 'ok',
    method: 'scan',
    code: { kind: 'cccd', verified: false },
    subject: 'SubjectSubjectSubject1',
    identity: null,
    ...changes,
  };
}

/** A made-up entry as it travels: `seq` is `number`. */
export function makeEntry(
  number: number,
  changes: Partial<Entry> = {},
): { entry: Entry; body: string; payload: Uint8Array } {
  const { kiosk = 'gate-a', epoch = someEpoch, seq = number, v: _, ...rest } = changes;
  const body = encodeEntry(makeDraft(number, rest), { kiosk, epoch, seq });
  return { entry: JSON.parse(body) as Entry, body, payload: new TextEncoder().encode(body) };
}
