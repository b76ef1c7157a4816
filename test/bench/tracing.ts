import { stat } from 'node:fs/promises';
import Database from 'better-sqlite3';
import { keysOf } from '../../gateway/intake.ts';
import { storePath } from '../../gateway/store/connection.ts';
import { openSqliteReader, openSqliteStore } from '../../gateway/store/sqlite.ts';
import type { Arrival, Store } from '../../gateway/store/store.ts';
import { createTracing } from '../../gateway/tracing/store-tracing.ts';
import type { Encounter } from '../../gateway/tracing/tracing.ts';
import type { Entry } from '../../shared/entry.ts';
import { systemClock } from '../../shared/system/clock.ts';
import { RecordingLog } from '../fakes/recording-log.ts';
import { collect } from '../power/collect.ts';
import { makeWorld, tracedSubject, worldDays, worldEntries, worldStartMs } from './made-world.ts';
import { atMost, type BenchOptions, type BenchResult, type Figure, makeResult, median } from './result.ts';
import { makeWorkplace } from './site.ts';

const seed = 20_261_120;
const entriesPerGroup = 500;
/** Unless the long one is asked for: a tenth of the people over as many days. */
const shortShare = 0.1;
const rounds = 5;
/** Both questions together, of the full world. A smaller one has the same number of segments a day only below a tenth. */
const answerMsMax = 1000;
const shortAnswerMsMax = 300;
const hourMs = 60 * 60 * 1000;

/**
 * One person's visits, and everybody who was there meanwhile, in a month of a large site. The store is written as a
 * gateway writes it; then it is indexed, and asked through a reader as commands are. Needs 11 GB of disk at full size.
 */
export async function benchTracing({ scale, long, progress }: BenchOptions): Promise<BenchResult> {
  using workplace = makeWorkplace('tracing');
  const wanted = Math.ceil(worldEntries * (long ? 1 : shortShare) * scale);
  await using store = await openSqliteStore({ dir: workplace.dir, log: new RecordingLog() });
  const kept = await fill(store, wanted, progress);
  const indexMs = await timed(async () => {
    while (await store.indexSome());
  });
  progress(`indexed in ${Math.round(indexMs)} ms`);
  const asked = await ask(workplace.dir, progress);
  const bytes = indexBytes(workplace.dir);
  const storeBytes = (await stat(storePath(workplace.dir))).size;
  const figure = (name: string, value: number, unit: string): Figure => ({ name, value, unit });
  const answer = figure('visits, and everybody who was there meanwhile', asked.visitsMs + asked.encountersMs, 'ms');
  return makeResult({
    name: 'tracing',
    title: `one person among ${kept.entries} entries of ${worldDays} days`,
    figures: [
      answer,
      figure('the visits', asked.visitsMs, 'ms'),
      figure('passages of those visits', asked.visits, ''),
      figure('everybody who was there meanwhile', asked.encountersMs, 'ms'),
      figure('encounters', asked.encounters, ''),
      figure('people met', asked.people, ''),
      figure('the same with their sealed identities', asked.togetherMs, 'ms'),
      figure('passages at one gate in two hours', asked.gateMs, 'ms'),
      figure('such passages', asked.atGate, ''),
      figure('appending, an entry', (kept.appendMs * 1000) / kept.entries, 'µs'),
      figure('indexing in the background, an entry', (indexMs * 1000) / kept.entries, 'µs'),
      figure('the index', bytes / 2 ** 20, 'MiB'),
      figure('the index, an entry', bytes / kept.entries, 'bytes'),
      figure('the index / the store', bytes / storeBytes, ''),
    ],
    limits: [atMost(long ? answerMsMax : shortAnswerMsMax, answer)],
  });
}

async function fill(store: Store, wanted: number, progress: BenchOptions['progress']) {
  let [entries, appendMs, told] = [0, 0, 0];
  let group: Arrival[] = [];
  const append = async () => {
    appendMs += await timed(() => store.append(group));
    entries += group.length;
    group = [];
    if (entries - told < wanted / 10) return;
    told = entries;
    progress(`${entries} entries, ${Math.round((entries / appendMs) * 1000)} a second`);
  };
  for (const { atMs, body } of makeWorld({ seed, entries: wanted })) {
    const entry = keysOf(JSON.parse(body) as Entry);
    group.push({ type: 'entry', entry, body: Buffer.from(body), receivedMs: Math.round(atMs) });
    if (group.length === entriesPerGroup) await append();
  }
  if (group.length > 0) await append();
  return { entries, appendMs };
}

/** Asks as commands do, some times; the median counts. */
async function ask(dir: string, progress: BenchOptions['progress']) {
  await using reader = await openSqliteReader({ dir });
  const tracing = createTracing(reader);
  const times = { visits: [] as number[], encounters: [] as number[], gate: [] as number[] };
  const window = { fromMs: worldStartMs + (10 * 24 + 9) * hourMs, toMs: worldStartMs + (10 * 24 + 11) * hourMs };
  let [visits, atGate] = [0, 0];
  let met: readonly Encounter[] = [];
  for (let round = 0; round < rounds; round++) {
    times.visits.push(
      await timed(async () => {
        visits = (await collect(tracing.visitsOf([tracedSubject], null))).length;
      }),
    );
    times.encounters.push(
      await timed(async () => {
        met = await collect(tracing.encounters([tracedSubject], null));
      }),
    );
    times.gate.push(
      await timed(async () => {
        atGate = (await collect(tracing.passagesAt('Cổng số 7', window))).length;
      }),
    );
    progress(`asked: ${Math.round(times.visits.at(-1) ?? 0)} and ${Math.round(times.encounters.at(-1) ?? 0)} ms`);
  }
  let identified = 0;
  const togetherMs = await timed(async () => {
    for await (const { identity } of tracing.together([tracedSubject], null)) if (identity !== null) identified++;
  });
  if (visits === 0 || identified === 0) throw new Error('nobody was traced');
  return {
    visits,
    visitsMs: median(times.visits),
    encounters: met.length,
    people: new Set(met.map(({ subject }) => subject)).size,
    encountersMs: median(times.encounters),
    togetherMs,
    atGate,
    gateMs: median(times.gate),
  };
}

function indexBytes(dir: string): number {
  const database = new Database(storePath(dir), { readonly: true });
  const bytes = database.prepare<[], number>('SELECT sum(length(passages)) FROM traces').pluck().get() ?? 0;
  database.close();
  return bytes;
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const startedMs = systemClock.monotonicMs();
  await work();
  return systemClock.monotonicMs() - startedMs;
}
