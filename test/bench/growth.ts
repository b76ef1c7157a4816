import { keysOf } from '../../gateway/intake.ts';
import { openSqliteStore } from '../../gateway/store/sqlite.ts';
import type { Arrival } from '../../gateway/store/store.ts';
import type { Entry } from '../../shared/entry.ts';
import { systemClock } from '../../shared/system/clock.ts';
import { RecordingLog } from '../fakes/recording-log.ts';
import { atLeast, type BenchOptions, type BenchResult, makeResult } from './result.ts';
import { makeRows } from './rows.ts';
import { makeWorkplace } from './site.ts';

const millions = 10;
const entriesPerMillion = 1_000_000;
const entriesPerGroup = 500;
const kiosks = Array.from({ length: 50 }, (_, number) => `gate-${number}`);

/** Whether the store takes entries as fast when it holds ten million as when it is new. Needs about 12 GB of disk. */
export async function benchGrowth({ scale, progress }: BenchOptions): Promise<BenchResult> {
  using workplace = makeWorkplace('growth');
  await using store = await openSqliteStore({ dir: workplace.dir, log: new RecordingLog() });
  const perSecond: number[] = [];
  for (let million = 1; million <= millions; million++) {
    let appendNs = 0n;
    let appended = 0;
    for (const group of inGroups(Math.ceil(entriesPerMillion * scale))) {
      const startedNs = process.hrtime.bigint();
      const verdicts = await store.append(group);
      appendNs += process.hrtime.bigint() - startedNs;
      appended += verdicts.filter(({ type }) => type === 'stored').length;
    }
    perSecond.push(appended / (Number(appendNs) / 1e9));
    progress(`part ${million} of ${millions}: ${Math.round(perSecond.at(-1) ?? 0)} entries/s`);
  }
  const [first = 0, last = 0] = [perSecond[0], perSecond.at(-1)];
  const ratio = { name: 'last part / first part', value: last / first, unit: '' };
  return makeResult({
    name: 'growth',
    title: `the store grows to ${millions * Math.ceil(entriesPerMillion * scale)} entries, ${entriesPerGroup} a commit`,
    figures: [
      { name: 'first part', value: first, unit: 'entries/s' },
      { name: 'last part', value: last, unit: 'entries/s' },
      { name: 'slowest part', value: Math.min(...perSecond), unit: 'entries/s' },
      ratio,
    ],
    limits: [atLeast(0.8, ratio)],
  });
}

function* inGroups(count: number): Generator<Arrival[]> {
  let group: Arrival[] = [];
  for (const { body } of makeRows(kiosks, count)) {
    group.push({
      type: 'entry',
      entry: keysOf(JSON.parse(body) as Entry),
      body: Buffer.from(body),
      receivedMs: systemClock.nowMs(),
    });
    if (group.length < entriesPerGroup) continue;
    yield group;
    group = [];
  }
  if (group.length > 0) yield group;
}
