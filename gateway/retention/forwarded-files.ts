/** The files of entries that lie in the data directory: what the store holds no more is taken out of them. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../shared/ports.ts';
import { mentions } from '../store/mention.ts';
import { openSqliteReader } from '../store/sqlite.ts';
import type { Place, StoreReader } from '../store/store.ts';
import { tidyEntryFile } from './entry-file.ts';
import type { Keeping } from './purging.ts';

/** What is to go besides what the store has deleted. */
export interface FilesOrder {
  /** Entries that no store here knows (it was lost, or is another's) go by their own time, milliseconds since the Unix epoch. */
  readonly beforeMs: number;
  /** Pseudonyms and ids that no line may name. */
  readonly words: readonly string[];
}

/** What became of the files. */
export interface TidiedFiles {
  readonly lines: number;
  /** Those that could not be worked on now. */
  readonly busy: readonly string[];
}

/**
 * Goes through the files that upstreams of this data directory write or wrote. A line goes when its entry was in the store
 * and was deleted from it. @param paths those of upstreams that are configured; the others are found by their name.
 */
export async function tidyForwardedFiles(
  dataDir: string,
  paths: readonly string[],
  order: FilesOrder,
  clock: Clock,
): Promise<TidiedFiles> {
  await using store = await openSqliteReader({ dir: dataDir });
  const found = (await readdir(dataDir)).filter((name) => name.endsWith('.ndjson')).map((name) => join(dataDir, name));
  let lines = 0;
  const busy: string[] = [];
  for (const path of new Set([...paths, ...found])) {
    const tidied = await tidyEntryFile(path, (some) => judge(some, store, order), clock);
    lines += tidied.removed;
    if (tidied.busy) busy.push(path);
  }
  return { lines, busy };
}

/**
 * The upstreams that have taken entries out of the data directory, by name, also those that are configured no more. Files of
 * this data directory, which {@link tidyForwardedFiles} goes through, are none. Throws the Faults of the store.
 */
export async function readForwarded({ dataDir, upstreams }: Keeping): Promise<readonly string[]> {
  const own = new Set(upstreams.flatMap((target) => (target.type === 'file' && target.inBase ? [target.name] : [])));
  await using store = await openSqliteReader({ dir: dataDir });
  const took = (await store.upstreams()).filter(({ place }) => place > 0).map(({ upstream }) => upstream);
  return took.filter((name) => !own.has(name) && !/^file:\.\/[^/]+\.ndjson$/.test(name));
}

interface Named extends Place {
  readonly id: string;
  readonly atMs: number;
}

/** Which lines go. */
async function judge(lines: readonly Buffer[], store: StoreReader, order: FilesOrder): Promise<readonly boolean[]> {
  const named = lines.map(readNames);
  const entries = named.filter((one) => one !== null);
  const known = await store.findKnown(entries.map(({ id }) => id));
  const gone = entries.filter(({ id }) => !known.has(id));
  const removed = new Set(await store.findRemoved(gone));
  const going = new Set<Named | null>(gone.filter((one) => removed.has(one) || one.atMs <= order.beforeMs));
  return lines.map((line, index) => going.has(named[index] ?? null) || mentions(line, order.words));
}

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** Whose a line is; null for what is no entry. */
function readNames(line: Buffer): Named | null {
  try {
    const { id, kiosk, epoch, seq, at } = JSON.parse(line.toString('utf8')) as Record<string, unknown>;
    if (typeof id !== 'string' || typeof epoch !== 'string' || !uuid.test(id) || !uuid.test(epoch)) return null;
    if (typeof kiosk !== 'string' || !Number.isSafeInteger(seq)) return null;
    return { id: id.toLowerCase(), kiosk, epoch, seq: Number(seq), atMs: Date.parse(String(at)) };
  } catch {
    return null;
  }
}
