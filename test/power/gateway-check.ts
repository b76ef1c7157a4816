/** What a gateway owes its kiosks, its upstream and its people after a power cut. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { batchKey } from '../../gateway/forwarder.ts';
import { readArrival } from '../../gateway/intake.ts';
import { openSqliteStore } from '../../gateway/store/sqlite.ts';
import type { Store } from '../../gateway/store/store.ts';
import { openTrust } from '../../gateway/trust/authority.ts';
import { createFileUpstream } from '../../gateway/upstream/file-upstream.ts';
import { readCredentials } from '../../kiosk/credentials.ts';
import { systemClock as clock } from '../../shared/system/clock.ts';
import { makeEntry, uuid } from '../fakes/entries.ts';
import { RecordingLog } from '../fakes/recording-log.ts';
import { collect } from './collect.ts';

/** What the program under test says of itself. */
export type GatewayMark =
  | { readonly type: 'trusted'; readonly key: string }
  | { readonly type: 'renewed'; readonly hostname: string }
  | { readonly type: 'enrolling'; readonly kiosk: string; readonly folder: string }
  | { readonly type: 'enrolled'; readonly kiosk: string; readonly folder: string; readonly serial: string }
  /** Was acknowledged to the kiosk. */
  | { readonly type: 'kept'; readonly number: number }
  /** Was acknowledged by the upstream. */
  | { readonly type: 'taken'; readonly numbers: readonly number[] };

const kiosks = ['gate-a', 'gate-b', 'gate-c'];

/** Where things lie on the disk under test. */
export function places(dir: string) {
  const data = join(dir, 'site', 'gateway');
  return {
    data,
    trustFolder: join(data, 'trust'),
    upstreamFile: join(data, 'upstream.ndjson'),
    enrolments: join(dir, 'out', 'kiosks'),
  };
}

/** The packet of a number, and who sends it: an entry (0, 1, 2, …), or garbage (negative). */
export function packetOf(number: number): { kiosk: string; payload: Uint8Array } {
  const turn = Math.abs(number) % kiosks.length;
  const kiosk = kiosks[turn] ?? '';
  if (number < 0) return { kiosk, payload: Buffer.from(`garbage ${number}`) };
  const seq = Math.floor(number / kiosks.length) + 1;
  return { kiosk, payload: makeEntry(number, { kiosk, seq, epoch: uuid(turn) }).payload };
}

/** The number of an entry, from its JSON. */
export function numberOf(body: string): number {
  return Number.parseInt((JSON.parse(body) as { id: string }).id.slice(-12), 16);
}

/** Opens what a power cut left of a gateway and holds it to what was marked before. Throws what is wrong. */
export async function checkGateway(dir: string, marks: readonly GatewayMark[], from: string): Promise<void> {
  await checkTrust(dir, marks, from);
  const { data, upstreamFile } = places(dir);
  await using store = await openSqliteStore({ dir: data, log: new RecordingLog() });
  const kept = await checkStore(store, marks);
  await checkUpstream(store, upstreamFile, marks, kept);
  const next = packetOf(kept.length);
  const verdicts = await store.append([readArrival(next.kiosk, next.payload, 0)]);
  assert.deepEqual(verdicts, [{ type: 'stored' }], 'the next entry');
}

async function checkStore(store: Store, marks: readonly GatewayMark[]): Promise<readonly number[]> {
  const report = await store.check();
  assert.deepEqual([report.damage, report.gaps], [[], []], 'damage and gaps');
  const entries = await collect(store.entries());
  const numbers = entries.map(({ body }) => numberOf(body));
  for (const [index, { id, body }] of entries.entries()) {
    assert.equal(body, Buffer.from(packetOf(numbers[index] ?? 0).payload).toString(), `the bytes of ${id}`);
  }
  const quarantined = await collect(store.quarantine());
  const raw = quarantined.map((item) => Buffer.from(item.raw).toString());
  assert.equal(new Set(numbers).size, numbers.length, 'an entry is there twice');
  assert.equal(new Set(raw).size, raw.length, 'something is in quarantine twice');
  for (const mark of marks) {
    if (mark.type !== 'kept') continue;
    if (mark.number < 0) assert(raw.includes(`garbage ${mark.number}`), `quarantined ${mark.number}`);
    else assert(numbers.includes(mark.number), `entry ${mark.number}`);
  }
  return numbers;
}

/** What the upstream has taken is there; what it has not goes there now; nothing is there twice, and nothing else is. */
async function checkUpstream(store: Store, path: string, marks: readonly GatewayMark[], kept: readonly number[]) {
  const read = () =>
    readFileSync(path, 'utf8')
      .split('\n')
      .filter((line) => line !== '');
  const taken = marks.flatMap((mark) => (mark.type === 'taken' ? mark.numbers : []));
  if (taken.length > 0) {
    const lines = new Set(read());
    for (const number of taken) {
      assert(lines.has(Buffer.from(packetOf(number).payload).toString()), `the upstream's entry ${number}`);
    }
  }
  await using upstream = createFileUpstream({ name: 'file', path, clock, log: new RecordingLog() });
  for (;;) {
    const entries = await store.readNext('file', { entriesMax: 500, bytesMax: 1024 * 1024 });
    const last = entries.at(-1);
    if (last === undefined) break;
    const delivery = await upstream.send({ key: batchKey(entries), entries }, new AbortController().signal);
    // What a power cut left where nothing was ever synced may look like nothing of ours: then the file is left alone.
    if (taken.length === 0 && 'reason' in delivery && delivery.reason === 'the file does not hold entries') return;
    assert.equal(delivery.type, 'taken', JSON.stringify(delivery));
    await store.markForwarded('file', last.position, [], 0);
  }
  if (kept.length === 0) return;
  const lines = read();
  assert.deepEqual(
    lines.filter((line) => !line.startsWith('{"v":1,') || !line.endsWith('}')),
    [],
    'lines that are no entries',
  );
  const forwarded = lines.map(numberOf);
  assert.deepEqual(
    [...forwarded].sort((one, other) => one - other),
    [...kept].sort((one, other) => one - other),
    'the upstream',
  );
}

async function checkTrust(dir: string, marks: readonly GatewayMark[], from: string): Promise<void> {
  const { trustFolder } = places(dir);
  const trust = await openTrust(trustFolder, { site: 'Nhà máy A', clock, log: new RecordingLog() });
  const trusted = marks.find((mark) => mark.type === 'trusted');
  if (trusted !== undefined) assert.equal(trust.notice.key.id, trusted.key, 'the site has another key');
  const record = join(trustFolder, 'enrolled.jsonl');
  const recorded = existsSync(record) ? readFileSync(record, 'utf8') : '';
  const latest = new Map<string, GatewayMark>();
  for (const mark of marks) {
    if (mark.type === 'enrolling' || mark.type === 'enrolled') latest.set(mark.folder, mark);
    if (mark.type === 'enrolled') {
      const lines = recorded.split('\n').filter((line) => line.includes(mark.serial));
      assert.equal(lines.length, 1, `the record of ${mark.kiosk}`);
      assert.equal((JSON.parse(lines[0] ?? '') as { kiosk: string }).kiosk, mark.kiosk);
    }
  }
  for (const [folder, mark] of latest) {
    if (mark.type !== 'enrolled') continue;
    assert.equal((await readCredentials(join(dir, relative(from, folder)))).kiosk, mark.kiosk);
  }
}
