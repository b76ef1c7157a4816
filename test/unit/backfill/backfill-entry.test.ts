import { describe, expect, it } from 'vitest';
import { makePaperEntry, placeLines } from '../../../gateway/backfill/backfill-entry.ts';
import type { PaperLine } from '../../../gateway/backfill/paper-list.ts';
import type { Passing } from '../../../gateway/backfill/paper-row.ts';
import { decodeEntry } from '../../../shared/entry.ts';
import { createSealer, generateSiteKey, importSiteKey, openIdentity, subjectOf } from '../../../shared/identity.ts';

const key = Buffer.alloc(32, 7);

function line(number: number, changes: Partial<Passing> = {}): PaperLine {
  const passing: Passing = {
    at: '2026-11-20T00:30:00.000Z',
    direction: 'in',
    name: 'Nguyễn Văn A',
    birthYear: 1999,
    number: '001099012345',
    phone: null,
    ...changes,
  };
  return { line: number, passing };
}

const ids = (lines: readonly PaperLine[], gate = 'Cổng A', secret: Uint8Array = key) =>
  placeLines(lines, gate, secret).map(({ id }) => id);

describe('the id of a written line', () => {
  it('is a UUID of version 8, the same whenever the line is read, wherever it stands', () => {
    const [first, other] = ids([line(2), line(3, { direction: 'out' })]);
    expect(first).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(ids([line(7, { direction: 'out' }), line(8)])).toEqual([other, first]);
  });

  it('is another for another gate, time, direction, number, and for another key', () => {
    const others = [
      ids([line(2)], 'Cổng B'),
      ids([line(2, { at: '2026-11-20T00:31:00.000Z' })]),
      ids([line(2, { direction: 'out' })]),
      ids([line(2, { number: '001099012346' })]),
      ids([line(2, { number: null })]),
      ids([line(2)], 'Cổng A', Buffer.alloc(32, 8)),
    ];
    expect(new Set([...ids([line(2)]), ...others.flat()]).size).toBe(7);
  });

  it('stays when a name beside a number is spelt better, and counts lines that say the same', () => {
    expect(ids([line(2, { name: 'Nguyễn Văn Á' })])).toEqual(ids([line(2)]));
    const twins = placeLines([line(2), line(3)], 'Cổng A', key);
    expect(twins[0]?.id).toBe(ids([line(2)])[0]);
    expect(new Set(twins.flatMap(({ id, epoch }) => [id, epoch])).size).toBe(4);
  });
});

describe('the entry of a written line', () => {
  it('is whole, in the wire form, with a subject and a sealed identity, and tells no name', async () => {
    const { publicKey, privateKey } = await generateSiteKey();
    const sealer = createSealer(await importSiteKey(publicKey));
    const [placed] = placeLines([line(2, { birthYear: 1980, phone: '0900000000' })], 'Cổng A', key);
    if (placed === undefined) throw new Error('no line');
    const body = await makePaperEntry(placed, { kiosk: 'paper', gate: 'Cổng A', subjectKey: key, sealer });
    const decoded = decodeEntry(Buffer.from(body));
    if (!decoded.ok) throw new Error(decoded.problem.detail);
    expect(decoded.entry).toMatchObject({
      id: placed.id,
      kiosk: 'paper',
      epoch: placed.epoch,
      seq: 1,
      at: '2026-11-20T00:30:00.000Z',
      clock: { synced: false },
      method: 'backfill',
      code: { kind: 'paper', verified: false, warnings: ['birth-year-mismatch'] },
      subject: subjectOf(key, '001099012345'),
    });
    expect(body).not.toMatch(/Nguyễn|001099012345|0900000000/);
    const { identity } = decoded.entry;
    if (identity === null) throw new Error('no identity');
    expect(await openIdentity(privateKey, identity, placed.id)).toEqual({
      name: 'Nguyễn Văn A',
      number: '001099012345',
      birthYear: 1980,
      phone: '0900000000',
    });
  });

  it.each([
    ['an ID card', '001099012345', '001099012345'],
    ['an old ID card', '123456789', 'cmnd:123456789'],
    ['an insurance card', '0100000000', 'bhxh:0100000000'],
    ['an insurance card of before 2021', 'HS4010100000000', 'bhxh:0100000000'],
    ['a passport', 'B1234567', 'doc:B1234567'],
  ])('has the subject that %s would have at a kiosk', async (_, number, known) => {
    const sealer = createSealer(await importSiteKey((await generateSiteKey()).publicKey));
    const [placed] = placeLines([line(2, { number })], 'Cổng A', key);
    if (placed === undefined) throw new Error('no line');
    const body = await makePaperEntry(placed, { kiosk: 'paper', gate: 'Cổng A', subjectKey: key, sealer });
    expect(JSON.parse(body)).toMatchObject({ subject: subjectOf(key, known) });
  });
});
