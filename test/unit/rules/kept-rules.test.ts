import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { HeldRules } from '../../../kiosk/held-rules.ts';
import {
  chunkItemsOf,
  emptyDigest,
  encodeDigest,
  extendDigest,
  type ListName,
  makeHead,
  type RulesHead,
} from '../../../shared/rules.ts';
import { cardId, makeIssuer, shortNumber } from '../../fakes/card-lists.ts';
import { RecordingLog } from '../../fakes/recording-log.ts';

const issuer = makeIssuer();
const revoked = [1, 2, 3, 4, 5];
const issued = [1, 2, 7, 8];

let dir: string;
let log: RecordingLog;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'ravao-rules-'));
  log = new RecordingLog();
});
afterEach(() => rmSync(dir, { recursive: true }));

const itemsOf = (list: ListName, numbers: readonly number[]) =>
  Buffer.concat(numbers.map((number) => (list === 'revoked' ? cardId(number) : shortNumber(number))));

function listHead(items: Uint8Array, itemBytes: number) {
  const digest = items.length === 0 ? emptyDigest : extendDigest(emptyDigest, items);
  return {
    itemBytes,
    chunkItems: chunkItemsOf(itemBytes),
    count: items.length / itemBytes,
    digest: encodeDigest(digest),
  };
}

function headOf(revokedNumbers: readonly number[], issuedNumbers: readonly number[]): RulesHead {
  const lists = {
    revoked: listHead(itemsOf('revoked', revokedNumbers), 12),
    issued: listHead(itemsOf('issued', issuedNumbers), 4),
  };
  const made = makeHead({ issuers: [issuer], lists });
  if ('problem' in made) throw new Error(made.problem);
  return made.head;
}

/** Brings the rules to these lists, as from a gateway, and saves them. */
async function bring(
  held: HeldRules,
  revokedNumbers: readonly number[],
  issuedNumbers: readonly number[],
): Promise<void> {
  const head = headOf(revokedNumbers, issuedNumbers);
  for (let need = held.need(head); need !== null; need = held.need(head)) {
    const numbers = need.name === 'revoked' ? revokedNumbers : issuedNumbers;
    held.take(need, itemsOf(need.name, numbers), head);
  }
  await held.settle(head);
  await held.save();
}

const open = () => HeldRules.open({ dir, log });
const knownOf = ({ cards }: HeldRules, numbers: readonly number[]) =>
  numbers.filter((number) => cards.isRevoked(cardId(number)));
const damages = () => log.events.filter((event) => event === 'rules.damaged').length;
const fileOf = (name: string) => join(dir, readdirSync(dir).find((file) => file.startsWith(name)) ?? 'none');

describe('the rules on disk', () => {
  it('are nothing before the gateway has said something', async () => {
    const held = await open();
    expect(held.state).toEqual({ version: null, revoked: 0, issued: 0, kept: 0 });
    expect([held.cards.issuers.size, held.cards.isRevoked(cardId(1)), held.cards.issuerOfNumber(1)]).toEqual([
      0,
      false,
      null,
    ]);
    expect(log.lines).toEqual([]);
  });

  it('hold after a restart as before, with nothing to fetch', async () => {
    await bring(await open(), revoked, issued);
    const held = await open();
    expect(held.version).toBe(headOf(revoked, issued).version);
    expect(knownOf(held, [0, ...revoked, 6])).toEqual(revoked);
    expect(held.need(headOf(revoked, issued))).toBeNull();
    expect([...held.cards.issuers.values()].map(({ id, name }) => [id, name])).toEqual([[issuer.id, issuer.name]]);
    expect([1, 7, 9].map((number) => held.cards.issuerOfNumber(number))).toEqual([null, issuer.id, null]);
    expect(log.lines).toEqual([]);
  });

  it('grow by writing what is new, and nothing else of a list', async () => {
    const held = await open();
    await bring(held, revoked, issued);
    const before = readFileSync(fileOf('revoked'));
    await bring(held, [...revoked, 6], issued);
    expect(readFileSync(fileOf('revoked'))).toEqual(Buffer.concat([before, cardId(6)]));
    expect(knownOf(await open(), [6])).toEqual([6]);
  });

  it('keep what was revoked when another list comes in its place, and no file too many', async () => {
    const held = await open();
    await bring(held, revoked, issued);
    await bring(held, [1, 9], [9]);
    expect(held.state).toMatchObject({ revoked: 2, issued: 1, kept: 4 });
    await bring(held, [1, 2, 9, 10], [9]);
    const again = await open();
    expect(knownOf(again, [...revoked, 9, 10])).toEqual([...revoked, 9, 10]);
    expect(again.state).toMatchObject({ revoked: 4, kept: 3 });
    expect(
      readdirSync(dir)
        .map((file) => file.replace(/-[0-9]+/, ''))
        .sort(),
    ).toEqual(['issued.list', 'kept.list', 'revoked.list', 'rules.json']);
    expect(
      log.lines.filter(({ event }) => event === 'rules.revocations-kept').map(({ fields }) => fields.count),
    ).toEqual([4, 3]);
  });

  it('are those of before when the power goes before the record is written', async () => {
    const held = await open();
    await bring(held, revoked, issued);
    const record = readFileSync(join(dir, 'rules.json'));
    await bring(held, [...revoked, 6], issued);
    writeFileSync(join(dir, 'rules.json'), record);
    writeFileSync(join(dir, 'rules.json.new'), 'half a rec');
    writeFileSync(join(dir, 'revoked-99.list'), 'begun');
    const again = await open();
    expect([again.version, knownOf(again, [5, 6])]).toEqual([headOf(revoked, issued).version, [5]]);
    expect(log.lines).toEqual([]);
    await bring(again, [...revoked, 7], issued);
    expect(knownOf(await open(), [5, 6, 7])).toEqual([5, 7]);
    expect(readdirSync(dir)).toHaveLength(4);
  });

  it('are not written for now where the disk fails, and are written when it works again', async () => {
    const held = await open();
    await bring(held, revoked, issued);
    mkdirSync(join(dir, 'rules.json.new'));
    await expect(bring(held, [...revoked, 6], issued)).rejects.toMatchObject({ code: 'RULES_WRITE_FAILED' });
    expect(knownOf(held, [6])).toEqual([6]);
    expect(knownOf(await open(), [5, 6])).toEqual([5]);
    rmSync(join(dir, 'rules.json.new'), { recursive: true });
    await held.save();
    expect(knownOf(await open(), [5, 6])).toEqual([5, 6]);
  });

  it('are written whole again where somebody took a file away', async () => {
    const held = await open();
    await bring(held, revoked, issued);
    rmSync(fileOf('revoked'));
    await bring(held, [...revoked, 6], issued);
    expect(knownOf(await open(), [...revoked, 6])).toEqual([...revoked, 6]);
  });
});

/** What can happen to one byte or all. */
const harm: readonly [string, (bytes: Buffer) => Buffer | null][] = [
  ['has another first byte', (bytes) => flip(bytes, 0)],
  ['has another byte in the middle', (bytes) => flip(bytes, bytes.length >> 1)],
  ['has another last byte', (bytes) => flip(bytes, bytes.length - 1)],
  ['is cut within an item', (bytes) => bytes.subarray(0, bytes.length - 3)],
  ['is cut to half', (bytes) => bytes.subarray(0, bytes.length >> 1)],
  ['is empty', () => Buffer.alloc(0)],
  ['is gone', () => null],
  ['is another file', () => Buffer.from('x'.repeat(50))],
];

function flip(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes);
  copy[at] = (copy[at] ?? 0) ^ 0x10;
  return copy;
}

function inflict(name: string, change: (bytes: Buffer) => Buffer | null): void {
  const path = fileOf(name);
  const changed = change(readFileSync(path));
  if (changed === null) rmSync(path);
  else writeFileSync(path, changed);
}

describe.each(harm)('a file that %s', (_title, change) => {
  it('of revoked cards is reported; what can be read of it stays refused, and all of it comes again', async () => {
    await bring(await open(), revoked, issued);
    inflict('revoked', change);
    const held = await open();
    expect([damages(), held.version, held.state.damaged]).toEqual([1, null, true]);
    expect(held.cards.issuers.size).toBe(1);
    expect(held.need(headOf(revoked, issued))).toMatchObject({ name: 'revoked', chunk: 0 });
    await bring(held, revoked, issued);
    expect(held.state).toEqual({ version: held.version, revoked: 5, issued: 4, kept: 0 });
    expect(knownOf(await open(), revoked)).toEqual(revoked);
    expect(damages()).toBe(1);
  });

  it('of issued numbers is reported, and no number is taken until it has come again', async () => {
    await bring(await open(), revoked, issued);
    inflict('issued', change);
    const held = await open();
    expect([damages(), held.version]).toEqual([1, null]);
    expect([knownOf(held, revoked), held.cards.issuerOfNumber(7)]).toEqual([revoked, null]);
    await bring(held, revoked, issued);
    expect((await open()).cards.issuerOfNumber(7)).toBe(issuer.id);
  });

  it('of revocations that only this kiosk knows is reported, and read as far as it goes', async () => {
    const first = await open();
    await bring(first, revoked, issued);
    await bring(first, [9], issued);
    inflict('kept', change);
    const held = await open();
    expect([damages(), knownOf(held, [9])]).toEqual([1, [9]]);
    await bring(held, [9, 10], issued);
    expect(knownOf(await open(), [9, 10])).toEqual([9, 10]);
    expect(damages()).toBe(1);
  });

  it('that is the record is reported; what was revoked stays refused, nobody is trusted, and all of it comes again', async () => {
    const first = await open();
    await bring(first, revoked, issued);
    await bring(first, [9], issued);
    inflict('rules.json', change);
    const held = await open();
    expect([damages(), held.version, held.cards.issuers.size]).toEqual([1, null, 0]);
    expect(knownOf(held, [...revoked, 9])).toEqual([...revoked, 9]);
    await bring(held, [9, 10], issued);
    const again = await open();
    expect(knownOf(again, [...revoked, 9, 10])).toEqual([...revoked, 9, 10]);
    expect(again.version).not.toBeNull();
    expect(again.state.damaged).toBeUndefined();
  });
});

it('RULES_DAMAGED is what the log says of them, with what to do', async () => {
  await bring(await open(), revoked, issued);
  inflict('revoked', (bytes) => flip(bytes, 4));
  await open();
  expect(log.lines.find(({ event }) => event === 'rules.damaged')?.fields).toEqual({
    error: expect.stringMatching(/^RULES_DAMAGED: .*revoked-1\.list\.$/),
    remedy: expect.any(String),
  });
});
