/**
 * `npm run long-run [-- --days 30 --entries 20000 --power-cut-every 7]`: a hospital's gate for 30 days of virtual time,
 * with a cut of the network and a closed authority every day and a power cut every week. Exits 1 when an entry is
 * missing, or when memory or a file has grown since day 2. npm's script keeps V8's young generation small, its threads
 * away, and has malloc give back what is free: what these hold varies by more than a leak that matters.
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { storeFileName } from '../../gateway/store/connection.ts';
import { outboxFileName } from '../../kiosk/outbox.ts';
import { exitCode } from '../../shared/system/program.ts';
import { idCard } from '../fakes/site.ts';
import { settle } from '../fakes/virtual-clock.ts';
import { fileBytes, makeRunFolder, storeBytes } from './long-run-files.ts';
import { daysMin, describeGrowth, findGrowth, growthShareMax, type Sample } from './long-run-growth.ts';
import { doors, HospitalSite } from './long-run-site.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;

/** People come from hour to hour, in groups: a lift, a bus. */
const opensAtHour = 6;
const closesAtHour = 22;
const groupEveryMs = 30_000;
const stepsPerHour = hourMs / groupEveryMs;
const groupsPerDay = (closesAtHour - opensAtHour) * stepsPerHour;

/** What happens every day, by the hour it begins and ends. */
const authorityClosed = { from: 9, to: 10.5 };
const networkCut = { from: 12, to: 14 };
const powerCutHour = 17.5;
const powerOffMs = 10 * minuteMs;

/** Of the visitors, one in so many shows something that is no personal code, and one in so many shows the code twice. */
const strangersEvery = 50;
const impatientEvery = 100;

/** What one collection of garbage finalizes, the next one frees; the least that is resident meanwhile counts. */
const collections = 5;

/** The number of the first of the staff; visitors are counted from 0. */
const firstStaff = 900_000;

interface Plan {
  readonly days: number;
  /** On a day without a power cut. */
  readonly entriesPerDay: number;
  /** The power fails every so many days. */
  readonly powerCutEveryDays: number;
}

/** The people who come, in order. */
class Crowd {
  readonly #site: HospitalSite;
  readonly #staffMax: number;
  /** People who came, by door. */
  readonly came = { 'gate-visitors': 0, 'gate-staff': 0 };

  constructor(site: HospitalSite, entriesPerDay: number) {
    this.#site = site;
    // Half of a day's entries are the staff's, who each come and go.
    this.#staffMax = Math.ceil(entriesPerDay / 4);
  }

  visitor(): void {
    const number = this.came['gate-visitors']++;
    const text = number % strangersEvery === 0 ? `https://example.org/${number}` : idCard(number);
    this.#site.scan('gate-visitors', text);
    if (number % impatientEvery === 1) this.#site.scan('gate-visitors', text);
  }

  staff(): void {
    const number = this.came['gate-staff']++;
    this.#site.scan('gate-staff', idCard(firstStaff + (number % this.#staffMax)));
  }
}

/** How many people have come by the end of a step of a day. */
function dueBy(step: number, entriesPerDay: number): number {
  const groups = Math.min(groupsPerDay, Math.max(0, step + 1 - opensAtHour * stepsPerHour));
  return Math.floor((entriesPerDay * groups) / groupsPerDay);
}

async function spendDay(site: HospitalSite, crowd: Crowd, day: number, plan: Plan, signal: AbortSignal): Promise<void> {
  const isPowerCut = day % plan.powerCutEveryDays === 0;
  let come = 0;
  for (let step = 0; step < 24 * stepsPerHour && !signal.aborted; step++) {
    const hour = step / stepsPerHour;
    site.authority.open = hour < authorityClosed.from || hour >= authorityClosed.to;
    if (hour === networkCut.to) site.mendNetwork();
    for (const due = dueBy(step, plan.entriesPerDay); come < due; come++) {
      if (come % 2 === 0) crowd.visitor();
      else crowd.staff();
    }
    await site.handled();
    if (hour === networkCut.from) await site.cutNetwork();
    if (hour === powerCutHour && isPowerCut) {
      await site.cutPower(powerOffMs);
      // Nobody is let in meanwhile.
      step += powerOffMs / groupEveryMs - 1;
      come = dueBy(step, plan.entriesPerDay);
    } else await site.clock.advance(groupEveryMs);
  }
}

/** V8's own; this way it also gives back the memory that it has no use for. */
type CollectGarbage = (how: { type: 'major'; execution: 'sync'; flavor: 'last-resort' }) => void;

/** Measures the site at the end of a day. */
class Gauge {
  readonly #site: HospitalSite;
  readonly #collectGarbage: CollectGarbage;
  /** The most that each write-ahead log took so far: a start after a power cut begins it anew. */
  readonly #logBytesMost = new Map<string, number>();

  constructor(site: HospitalSite) {
    this.#site = site;
    setFlagsFromString('--expose-gc');
    this.#collectGarbage = runInNewContext('gc') as CollectGarbage;
  }

  async measure(day: number): Promise<Sample> {
    await this.#site.drained();
    let resident = Number.POSITIVE_INFINITY;
    for (let round = 0; round < collections; round++) {
      this.#collectGarbage({ type: 'major', execution: 'sync', flavor: 'last-resort' });
      await settle();
      resident = Math.min(resident, process.memoryUsage.rss());
    }
    const { heapUsed } = process.memoryUsage();
    const timers = this.#site.clock.timers;
    const descriptors = readdirSync('/proc/self/fd').length;
    return { day, figures: { heap: heapUsed, 'resident memory': resident, timers, descriptors, ...this.#files() } };
  }

  #files(): Record<string, number> {
    const store = join(this.#site.dirOf('gateway'), storeFileName);
    const stored = doors.reduce((sum, { kiosk }) => sum + this.#site.authority.countOf(kiosk), 0);
    const figures: Record<string, number> = {
      'store, bytes an entry': Math.round(storeBytes(store) / stored),
      'store log': this.#logBytes(store),
    };
    for (const { kiosk } of doors) {
      const outbox = join(this.#site.dirOf(kiosk), outboxFileName);
      figures[`${kiosk} outbox`] = fileBytes(outbox);
      figures[`${kiosk} outbox log`] = this.#logBytes(outbox, kiosk);
    }
    return figures;
  }

  #logBytes(path: string, kiosk = 'gateway'): number {
    const most = Math.max(fileBytes(`${path}-wal`), this.#logBytesMost.get(kiosk) ?? 0);
    this.#logBytesMost.set(kiosk, most);
    return most;
  }
}

/** Compares what people saw with what the store and the authority have. Returns what is wrong. */
async function audit(site: HospitalSite, crowd: Crowd): Promise<readonly string[]> {
  const wrong: string[] = [];
  for (const { kiosk } of doors) {
    const [came, answered, arrived] = [crowd.came[kiosk], site.answeredAt(kiosk), site.authority.countOf(kiosk)];
    if (came !== answered)
      wrong.push(`${kiosk}: ${came} people came, ${answered} saw that they were admitted or refused`);
    if (answered !== arrived) wrong.push(`${kiosk}: ${answered} were answered, ${arrived} arrived upstream`);
  }
  const { damage, gaps, entries, quarantined } = await site.check();
  const came = crowd.came['gate-staff'] + crowd.came['gate-visitors'];
  if (entries !== came) wrong.push(`the store holds ${entries} entries of ${came}`);
  if (damage.length > 0 || gaps.length > 0 || quarantined > 0) {
    wrong.push(`check: ${JSON.stringify({ damage, gaps: gaps.length, quarantined })}`);
  }
  return wrong;
}

function render({ day, figures }: Sample): string {
  const show = (value: number) => (value < 100_000 ? String(value) : `${(value / 2 ** 20).toFixed(2)} MiB`);
  const shown = Object.entries(figures).map(([name, value]) => `${name} ${show(value)}`);
  return `day ${day}: ${shown.join(', ')}`;
}

async function run(plan: Plan, signal: AbortSignal): Promise<number> {
  await using site = await HospitalSite.start(makeRunFolder(plan.days * plan.entriesPerDay));
  const crowd = new Crowd(site, plan.entriesPerDay);
  const gauge = new Gauge(site);
  const samples: Sample[] = [];
  for (let day = 1; day <= plan.days; day++) {
    await spendDay(site, crowd, day, plan, signal);
    if (signal.aborted) return exitCode.failed;
    const sample = await gauge.measure(day);
    samples.push(sample);
    process.stdout.write(`${render(sample)}\n`);
  }
  const growth = findGrowth(samples, growthShareMax).map(describeGrowth);
  const wrong = [...(await audit(site, crowd)), ...growth];
  const { came } = crowd;
  const { repeated } = site.authority;
  const events = Object.fromEntries(site.events);
  process.stdout.write(
    `${JSON.stringify({ event: 'long-run.ended', ...plan, came, repeated, events, wrong, samples })}\n`,
  );
  for (const line of wrong) process.stderr.write(`${line}\n`);
  return wrong.length === 0 ? exitCode.ok : exitCode.failed;
}

/** Reads the arguments; null where one is no whole number, or too small. */
function readPlan(): Plan | null {
  const { values } = parseArgs({
    options: {
      days: { type: 'string', default: '30' },
      entries: { type: 'string', default: '20000' },
      'power-cut-every': { type: 'string', default: '7' },
    },
  });
  const [days, entriesPerDay, powerCutEveryDays] = [values.days, values.entries, values['power-cut-every']].map(Number);
  const plan = { days: days ?? 0, entriesPerDay: entriesPerDay ?? 0, powerCutEveryDays: powerCutEveryDays ?? 0 };
  const sound = Object.values(plan).every((value) => Number.isSafeInteger(value) && value > 0);
  return sound && plan.days >= daysMin ? plan : null;
}

const plan = readPlan();
if (plan === null) {
  process.stderr.write(
    `Say --days with a number from ${daysMin} on, --entries and --power-cut-every with one from 1 on.\n`,
  );
  process.exitCode = exitCode.usage;
} else {
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());
  process.exitCode = await run(plan, stop.signal);
}
