import { randomBytes, randomUUID } from 'node:crypto';
import { v7 as uuidv7 } from 'uuid';
import { encodeEntry } from '../../shared/entry.ts';
import { systemClock } from '../../shared/system/clock.ts';

/** An entry as a kiosk sends it, with the fields that a table has columns for. */
export interface Row {
  readonly id: string;
  readonly kiosk: string;
  readonly epoch: string;
  readonly seq: number;
  readonly body: string;
}

/** The ciphertext of a padded identity with its tag, and the encapsulated key, in bytes. */
const sealedBytes = 128 + 16;
const encapsulatedBytes = 32;

/** New entries as long as real ones (about 750 bytes), the kiosks by turns, ids in the order of time. */
export function* makeRows(kiosks: readonly string[], count: number): Generator<Row, void> {
  const epochs = kiosks.map(() => randomUUID());
  for (let index = 0; index < count; index++) {
    const at = index % kiosks.length;
    const kiosk = kiosks[at] ?? '';
    const epoch = epochs[at] ?? '';
    const seq = Math.floor(index / kiosks.length) + 1;
    const id = uuidv7();
    const body = encodeEntry(
      {
        id,
        at: new Date(systemClock.nowMs()).toISOString(),
        clock: { synced: true, boot: 'b0070000-0000-4000-8000-000000000001', monotonicMs: systemClock.monotonicMs() },
        gate: 'Cổng số 1, nhà máy A',
        direction: 'in',
        outcome: 'admitted',
        reason: 'ok',
        method: 'scan',
        code: { kind: 'cccd', verified: false },
        subject: randomBytes(17).toString('base64url').slice(0, 22),
        identity: {
          enc: randomBytes(encapsulatedBytes).toString('base64url'),
          ct: randomBytes(sealedBytes).toString('base64url'),
          key: 'BenchSiteKeyId00',
        },
      },
      { kiosk, epoch, seq },
    );
    yield { id, kiosk, epoch, seq, body };
  }
}

/** A made-up ID card's code for each number below a million. */
export function makeCard(number: number): string {
  return `001099${String(number).padStart(6, '0')}||Nguyễn Văn A|01011999|Nam|Xã X, Huyện Y, Tỉnh Z|15082021`;
}
