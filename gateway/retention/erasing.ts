/** Deleting what there is of one person: in the store, in files of entries, in the register of cards and in backups. */
import { join } from 'node:path';
import { describeError, Fault } from '../../shared/fault.ts';
import type { Clock } from '../../shared/ports.ts';
import { sleep } from '../../shared/time.ts';
import { openRegister } from '../cards/register.ts';
import { registerPath } from '../cards/register-file.ts';
import { cursorStart, type EraseOrder, type StoreRemover } from '../store/remover.ts';
import { scrub } from '../store/scrubbing.ts';
import { openCopyRemover, openSqliteRemover } from '../store/sqlite-remover.ts';
import { listBackups } from './backups.ts';
import { forgetExpected } from './expected-lists.ts';
import { tidyForwardedFiles } from './forwarded-files.ts';
import { dayMs, type Keeping, takeRetentionTurn } from './purging.ts';
import { findCards, type SubjectPerson } from './subject-person.ts';
import { findTraces } from './trace-search.ts';

/** Between two slices others get their turn for so long, in milliseconds. */
const slicePauseMs = 20;
const breathMs = 2;

/** What was deleted, and what stays. */
export interface ErasureReport {
  readonly entries: number;
  readonly quarantined: number;
  readonly corrections: number;
  /** Cards of the register that say no more whose they are. */
  readonly cards: number;
  /** Lines taken out of files of entries in the data directory. */
  readonly lines: number;
  /** Entries, corrections and things in quarantine deleted from backups. */
  readonly inBackups: number;
  /** Entries that stay because an upstream has not taken them yet. */
  readonly unforwarded: number;
  /** What is not done, for a person. */
  readonly problems: readonly string[];
}

/**
 * Erases a person, also beside a gateway that serves and after an erasure that was killed. Entries that an upstream has not
 * taken stay: whoever passed today must reach the authority. Throws the Faults RETENTION_BUSY, those of the store and
 * those of the register.
 */
export async function erasePerson(
  { dataDir, keepDays, upstreams }: Keeping,
  person: SubjectPerson,
  clock: Clock,
): Promise<ErasureReport> {
  using _ = takeRetentionTurn(dataDir);
  const { subjects } = person;
  const names = upstreams.map(({ name }) => name);
  const order = { subjects, upstreams: names, spared: null, ids: new Set<string>() };
  const { unforwarded, ...inStore } = await eraseInStore(dataDir, order, clock);
  const left = new Set(unforwarded);
  const words = left.size === 0 ? [...subjects, ...inStore.ids] : inStore.ids;
  const paths = upstreams.flatMap((target) => (target.type === 'file' && target.inBase ? [target.path] : []));
  const beforeMs = clock.nowMs() - keepDays * dayMs;
  const files = await tidyForwardedFiles(dataDir, paths, { beforeMs, words }, clock);
  const cards = await forgetCards(dataDir, person.cards, clock);
  const expected = await forgetExpected(dataDir, subjects);
  const backups = await eraseInBackups(dataDir, { ...order, spared: left }, person.cards, clock);
  const found = left.size === 0 ? await findTraces(dataDir, subjects) : [];
  const { entries, quarantined, corrections } = inStore;
  return {
    entries,
    quarantined,
    corrections,
    cards,
    lines: files.lines,
    inBackups: backups.removed,
    unforwarded: left.size,
    problems: [
      ...files.busy.map((path) => `${path} is being written`),
      ...backups.problems,
      ...(expected === null ? [] : [expected]),
      ...found.map(describeTrace),
    ],
  };
}

/** Whoever is barred stays so until somebody lifts it: else an erasure would open the gate. */
function describeTrace(path: string): string {
  const remedy = path.endsWith(join('rules', 'barred.json')) ? ', who is barred: see "rules unbar"' : '';
  return `${path} still names the person${remedy}`;
}

async function eraseInStore(dataDir: string, order: EraseOrder & { readonly ids: Set<string> }, clock: Clock) {
  await using remover = await openSqliteRemover({ dir: dataDir, clock });
  return await eraseIn(remover, order, clock);
}

async function eraseIn(remover: StoreRemover, order: EraseOrder & { readonly ids: Set<string> }, clock: Clock) {
  let entries = 0;
  let quarantined = 0;
  const ids: string[] = [];
  const unforwarded: string[] = [];
  for (let from: typeof cursorStart | null = cursorStart; from !== null; ) {
    const slice = await remover.erase(order, from);
    entries += slice.entries;
    quarantined += slice.quarantined;
    unforwarded.push(...slice.unforwarded.map(({ id }) => id));
    for (const id of slice.ids) {
      order.ids.add(id);
      ids.push(id);
    }
    from = slice.next;
    if (slice.entries > 0) await sleep(clock, slicePauseMs);
  }
  const corrections = await remover.eraseCorrections(order.subjects);
  await remover.settle();
  return { entries, quarantined, corrections, ids, unforwarded };
}

async function forgetCards(dataDir: string, numbers: readonly number[], clock: Clock): Promise<number> {
  if (numbers.length === 0) return 0;
  let count = 0;
  {
    using register = openRegister(dataDir);
    const cards = findCards(register, numbers);
    register.forgetHolders(cards);
    count = cards.length;
  }
  await scrub(registerPath(dataDir), () => sleep(clock, breathMs));
  // Opened and closed once more: that empties the log.
  openRegister(dataDir)[Symbol.dispose]();
  return count;
}

async function eraseInBackups(
  dataDir: string,
  order: EraseOrder,
  cards: readonly number[],
  clock: Clock,
): Promise<{ removed: number; problems: readonly string[] }> {
  let removed = 0;
  const problems: string[] = [];
  for (const { path } of await listBackups(dataDir)) {
    try {
      await using remover = await openCopyRemover({ dir: path, clock });
      const done = await eraseIn(remover, { ...order, ids: new Set(order.ids) }, clock);
      removed += done.entries + done.quarantined + done.corrections;
      removed += await forgetCards(path, cards, clock);
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      problems.push(`the backup ${path} cannot be worked on, delete it: ${describeError(error)}`);
    }
  }
  return { removed, problems };
}
