/** Fuzzers of what lies on disks: a damaged file is a Fault that leaves it as it is, or a start that has everything. */
import { strict as assert } from 'node:assert';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { publishRules } from '../../gateway/rules.ts';
import { openSqliteStore } from '../../gateway/store/sqlite.ts';
import { openTrust } from '../../gateway/trust/authority.ts';
import { createFileUpstream } from '../../gateway/upstream/file-upstream.ts';
import { readCredentials } from '../../kiosk/credentials.ts';
import { dialTls } from '../../kiosk/dial.ts';
import { openOutbox } from '../../kiosk/outbox.ts';
import { openRules, type Rules } from '../../kiosk/rules.ts';
import { Fault } from '../../shared/fault.ts';
import { systemClock } from '../../shared/system/clock.ts';
import { rulesTopic } from '../../shared/topics.ts';
import { arrival, collect } from '../contract/store.ts';
import { cardId, MemoryCardLists, makeIssuer, shortNumber } from '../fakes/card-lists.ts';
import { makeDraft, makeEntry, uuid } from '../fakes/entries.ts';
import { RecordingLog } from '../fakes/recording-log.ts';
import { RulesRoad } from '../fakes/rules-road.ts';
import { seededChance } from '../fakes/seeded-chance.ts';
import { damages, type Fuzzer, type FuzzPlan, inflict, tryToBreak } from './fuzzer.ts';

const log = new RecordingLog();
const chance = seededChance(1);
const count = 300;
const machine = () => ({ hostname: 'cong-truoc', addresses: [] });

/** Removed when disposed. */
function makeFolder(): Disposable & { readonly dir: string } {
  const dir = mkdtempSync(join(tmpdir(), 'ravao-fuzz-'));
  return { dir, [Symbol.dispose]: () => rmSync(dir, { recursive: true, force: true }) };
}

/** Every file of a folder, but for what SQLite makes anew at each opening. */
function snapshot(dir: string): Record<string, string> {
  const names = readdirSync(dir).filter((name) => !/-shm$|lock/.test(name));
  return Object.fromEntries(names.map((name) => [name, readFileSync(join(dir, name)).toString('base64')]));
}

/** One folder that holds a state, of which each run damages a copy. */
interface State {
  readonly files: readonly string[];
  /** Makes the whole state. */
  make(dir: string): Promise<void>;
  /** Opens it as a program does, and checks that what it then has is right. A Fault is passed on. */
  open(dir: string, file: string): Promise<void>;
}

/** Damages or takes away one file a run. */
async function fuzzState(plan: FuzzPlan, { files, make, open }: State): Promise<void> {
  using folder = makeFolder();
  const whole = join(folder.dir, 'whole');
  mkdirSync(whole);
  await make(whole);
  const missing = fc.constant({ type: 'missing' as const });
  const inputs = fc.tuple(
    fc.constantFrom(...files),
    fc.oneof({ weight: 20, arbitrary: damages }, { weight: 1, arbitrary: missing }),
  );
  await tryToBreak(plan, inputs, async ([file, damage]) => {
    const dir = mkdtempSync(join(folder.dir, 'run-'));
    cpSync(whole, dir, { recursive: true });
    const path = join(dir, file);
    if (damage.type === 'missing') rmSync(path);
    else writeFileSync(path, inflict(readFileSync(path), damage));
    const before = snapshot(dir);
    try {
      await open(dir, file);
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      assert(error.message.includes(dir), `names no file: ${error.message}`);
      assert.deepEqual(snapshot(dir), before, 'a damaged state was touched');
    }
    rmSync(dir, { recursive: true });
  });
}

/** That these are the entries 1, 2, 3, …: all of them, or, where the log's end was lost, all up to one. */
function expectPrefix(ids: readonly string[], file: string): void {
  assert.deepEqual(
    ids,
    ids.map((_, index) => uuid(index + 1)),
  );
  if (!file.endsWith('-wal')) assert.equal(ids.length, count);
}

const store: State = {
  files: ['store.db', 'store.db-wal'],
  async make(dir) {
    using folder = makeFolder();
    await using open = await openSqliteStore({ dir: folder.dir, log });
    for (let number = 1; number <= count; number += 50) {
      const group = Array.from({ length: 50 }, (_, index) => arrival(number + index));
      await open.append(group);
    }
    // As a killed process leaves it: the last part in the log only.
    copyDatabase(folder.dir, dir, 'store.db');
  },
  async open(dir, file) {
    await using opened = await openSqliteStore({ dir, log });
    const entries = await collect(opened.entries());
    const bodies = entries.map(({ body }) => /"id":"([^"]*)"/.exec(body)?.[1] ?? '');
    // A bit that fell over inside an entry's text is beyond what a database without checksums can tell.
    assert(bodies.length === entries.length);
    expectPrefix(
      entries.map(({ id }, index) => (isOneBitOff(id, uuid(index + 1)) ? uuid(index + 1) : id)),
      file,
    );
  },
};

/** Whether a damage inside a row could have made this of that. */
function isOneBitOff(one: string, other: string): boolean {
  return one.length === other.length && [...one].filter((character, at) => character !== other[at]).length <= 36;
}

function copyDatabase(from: string, to: string, name: string): void {
  for (const suffix of ['', '-wal'])
    if (existsSync(join(from, name + suffix))) cpSync(join(from, name + suffix), join(to, name + suffix));
}

const outbox: State = {
  files: ['outbox.db', 'outbox.db-wal'],
  async make(dir) {
    using folder = makeFolder();
    await using open = openOutbox({ dir: folder.dir, kiosk: 'gate-a', clock: systemClock, chance, log });
    for (let number = 1; number <= count; number++) open.append(makeDraft(number));
    copyDatabase(folder.dir, dir, 'outbox.db');
  },
  async open(dir, file) {
    await using opened = openOutbox({ dir, kiosk: 'gate-a', clock: systemClock, chance, log, freeBytes: () => 1e12 });
    const rows = opened.peek(0, 2 * count);
    assert.equal(rows.length, opened.depth());
    assert.deepEqual(
      rows.map(({ seq }) => seq),
      rows.map((_, index) => index + 1),
    );
    if (!file.endsWith('-wal')) assert.equal(rows.length, count);
    const { seq } = opened.append(makeDraft(count + 1));
    assert.equal(seq, rows.length + 1);
  },
};

const trust: State = {
  files: ['ca.pem', 'ca.key.pem', 'gateway.pem', 'gateway.key.pem', 'site.json', 'subject.key', 'site.key'],
  async make(dir) {
    using folder = makeFolder();
    await openTrust(join(folder.dir, 'trust'), { site: 'A', clock: systemClock, log, machine });
    cpSync(join(folder.dir, 'trust'), dir, { recursive: true });
  },
  async open(dir) {
    const before = snapshot(dir);
    const opened = await openTrust(dir, { site: 'A', clock: systemClock, log, machine });
    await opened.gatewayCredentials('127.0.0.1');
    const { 'gateway.pem': _, ...after } = snapshot(dir);
    const { 'gateway.pem': __, ...untouched } = before;
    assert.deepEqual(after, untouched);
  },
};

const credentials: State = {
  files: ['ca.pem', 'cert.pem', 'key.pem', 'site.json', 'subject.key'],
  async make(dir) {
    using folder = makeFolder();
    const made = await openTrust(join(folder.dir, 'trust'), { site: 'A', clock: systemClock, log, machine });
    await made.enrol('gate-a', dir);
  },
  async open(dir) {
    const read = await readCredentials(dir);
    try {
      dialTls({ host: '127.0.0.1', port: 1, ...read });
    } catch (error) {
      // It knows no folder.
      assert(error instanceof Fault && error.code === 'CREDENTIALS_INVALID', String(error));
    }
  },
};

const revokedNumbers = Array.from({ length: count }, (_, index) => index + 1);

/** Rules are no custody: what is damaged comes again, and until then the kiosk goes by what it can read. */
const rules: State = {
  files: ['rules.json', 'revoked-1.list', 'issued-2.list', 'kept-3.list'],
  async make(dir) {
    const lists = new MemoryCardLists();
    lists.named = [makeIssuer()];
    lists.add('revoked', ...revokedNumbers.map((number) => cardId(number)));
    lists.add('issued', ...revokedNumbers.map((number) => shortNumber(number + count)));
    const road = new RulesRoad(rulesTopic('gate-a'));
    await using _gateway = publishRules({ lists, announcements: road, clock: systemClock, log });
    await using kiosk = await openRulesIn(dir);
    road.connect(kiosk);
    while (kiosk.state.version === null) await road.run();
    await kiosk[Symbol.asyncDispose]();
    for (const file of readdirSync(join(dir, 'rules'))) cpSync(join(dir, 'rules', file), join(dir, file));
    rmSync(join(dir, 'rules'), { recursive: true });
  },
  async open(dir, file) {
    mkdirSync(join(dir, 'rules'));
    for (const name of rules.files) if (existsSync(join(dir, name))) cpSync(join(dir, name), join(dir, 'rules', name));
    await using kiosk = await openRulesIn(dir);
    const missed = revokedNumbers.filter((number) => !kiosk.cards.isRevoked(cardId(number)));
    if (file !== 'revoked-1.list') assert.deepEqual(missed, []);
    else assert(missed.length === 0 || kiosk.state.version === null, 'a damaged list is taken for whole');
    const wrong = [...revokedNumbers.keys()]
      .map((number) => number + 2 * count + 1)
      .filter((number) => kiosk.cards.issuerOfNumber(number));
    assert.deepEqual(wrong, [], 'numbers that nobody gave out');
  },
};

function openRulesIn(dir: string): Promise<Rules> {
  return openRules({ dir, kiosk: 'gate-a', onStateChanged: () => undefined, clock: systemClock, chance, log });
}

const upstreamName = 'upstream.ndjson';
const lines = Array.from({ length: 40 }, (_, index) => makeEntry(index + 1).body);
const batch = [41, 42, 43].map((number) => {
  const { entry, body } = makeEntry(number);
  return { id: entry.id, kiosk: entry.kiosk, at: entry.at, subject: null, body };
});

const upstreamFile: State = {
  files: [upstreamName],
  async make(dir) {
    writeFileSync(join(dir, upstreamName), `${lines.join('\n')}\n`);
  },
  async open(dir) {
    const path = join(dir, upstreamName);
    const wholeLines = (text: string) => text.split('\n').slice(0, -1);
    const before = existsSync(path) ? readFileSync(path, 'utf8') : '';
    const upstream = createFileUpstream({ name: 'file', path, clock: systemClock, log });
    const delivery = await upstream.send({ key: 'k', entries: batch }, new AbortController().signal);
    const after = readFileSync(path, 'utf8');
    if (delivery.type !== 'taken') {
      assert.equal(delivery.type, 'later');
      assert.equal(after, before, 'a file that is not ours was touched');
      return;
    }
    assert.deepEqual(
      wholeLines(after).slice(-batch.length),
      batch.map(({ body }) => body),
    );
    const kept = new Set(wholeLines(after));
    const lost = wholeLines(before).filter((line) => lines.includes(line) && !kept.has(line));
    assert.deepEqual(lost, [], 'whole lines that were there');
  },
};

function stateFuzzer(name: string, title: string, runs: number, state: State): Fuzzer {
  return { name, title, runs, fuzz: (plan) => fuzzState(plan, state) };
}

const fateOf = (what: string) => `${what} that is damaged: a Fault that leaves it alone, or a start with everything`;

export const stateFuzzers: readonly Fuzzer[] = [
  stateFuzzer('store', fateOf("a gateway's store"), 150, store),
  stateFuzzer('outbox', fateOf("a kiosk's outbox"), 150, outbox),
  stateFuzzer('rules', "a kiosk's rules that are damaged: nothing is taken for what it is not", 150, rules),
  stateFuzzer('trust', fateOf("a site's trust folder"), 150, trust),
  stateFuzzer('credentials', fateOf("a kiosk's credentials"), 150, credentials),
  stateFuzzer(
    'upstream-file',
    'a file of forwarded entries that is damaged: no whole line of it is lost',
    300,
    upstreamFile,
  ),
];
