/**
 * Which generations of the site's keys there are. The first lies in the trust folder itself, each later one in a folder of
 * its own, `keys/<kind>-<number>`, made whole or not at all; `keys.jsonl` tells of them, and lines are only added to it:
 * `begun` before the folder is made, `made` when it is there. So nothing is ever written over a key, a rotation that
 * was cut off counts only when it is run again to its end, and a generation that went missing is noticed.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { Fault } from '../../shared/fault.ts';
import { isErrno, isSystemError } from '../../shared/system-error.ts';
import { appendLine, readLines } from './durable-file.ts';

/** The kinds of keys that can be changed. */
export const keyKinds = ['site', 'subject', 'authority', 'issuer'] as const;
export type KeyKind = (typeof keyKinds)[number];

/** How many generations of one kind there may be: tracing computes a subject with each. */
export const generationsMax = 32;

const ledgerName = 'keys.jsonl';
const foldersName = 'keys';

const lineSchema = z.looseObject({
  kind: z.enum(keyKinds),
  number: z.int().min(1).max(generationsMax),
  /**
   * `begun` and `made`: see above. `serves`: from here on the gateway shows a certificate of this authority. `retired`:
   * this generation is believed no more; only an authority and an issuer can be.
   */
  event: z.enum(['begun', 'made', 'serves', 'retired']),
  at: z.iso.datetime(),
});

/** A line of the ledger. */
export type KeyEvent = z.infer<typeof lineSchema>;

/** One generation, as the ledger tells of it. */
export interface Generation {
  readonly kind: KeyKind;
  /** From 1. */
  readonly number: number;
  /** Where its files lie. */
  readonly folder: string;
  /** When it was made, UTC, ISO 8601; null for the first, which is as old as the site. */
  readonly at: string | null;
  readonly isRetired: boolean;
}

/** What the ledger says. */
export interface KeyHistory {
  /** Every generation that counts, by kind, oldest first. */
  readonly generations: Readonly<Record<KeyKind, readonly Generation[]>>;
  /** The number of a rotation that was begun and not ended, by kind. */
  readonly unfinished: Readonly<Partial<Record<KeyKind, number>>>;
  /** The number of the authority whose certificate the gateway shows. */
  readonly servingAuthority: number;
}

/** The ledger's place, for whoever looks whether it has changed. */
export function keyLedgerPath(trustFolder: string): string {
  return join(trustFolder, ledgerName);
}

/** Where the files of a generation lie. */
export function generationFolder(trustFolder: string, kind: KeyKind, number: number): string {
  return number === 1 ? trustFolder : join(trustFolder, foldersName, `${kind}-${number}`);
}

/** Adds a line, durably. Throws what the system says. */
export function recordKeyEvent(trustFolder: string, event: KeyEvent): Promise<void> {
  return appendLine(keyLedgerPath(trustFolder), JSON.stringify(event));
}

/**
 * Reads the ledger; where there is none, there is one generation of each. Throws the Faults TRUST_DAMAGED where a folder
 * and the ledger do not know of each other, and DATA_DIR_UNUSABLE where they cannot be read.
 */
export function readKeyHistory(trustFolder: string): KeyHistory {
  // In this order, because another process may be making one: what is there by now was begun before.
  const folders = readFolders(trustFolder);
  const events = readEvents(trustFolder);
  const unfinished: Partial<Record<KeyKind, number>> = {};
  const of = (kind: KeyKind): readonly Generation[] => {
    const known = events.filter((event) => event.kind === kind);
    const numbersOf = (wanted: KeyEvent['event']) =>
      known.filter(({ event }) => event === wanted).map(({ number }) => number);
    const made = new Set([1, ...numbersOf('made')]);
    const begun = new Set([...made, ...numbersOf('begun')]);
    const last = Math.max(...made);
    for (let number = 2; number <= last; number++) {
      const isThere = made.has(number) && existsSync(generationFolder(trustFolder, kind, number));
      if (!isThere) throw damaged(trustFolder, `${foldersName}/${kind}-${number} is missing`);
    }
    for (const name of folders) {
      if (!name.startsWith(`${kind}-`) || begun.has(Number(name.slice(kind.length + 1)))) continue;
      throw damaged(trustFolder, `${foldersName}/${name} is not in ${ledgerName}, of which something is missing`);
    }
    if (begun.has(last + 1)) unfinished[kind] = last + 1;
    const retired = new Set(numbersOf('retired'));
    return Array.from({ length: last }, (_, index) => ({
      kind,
      number: index + 1,
      folder: generationFolder(trustFolder, kind, index + 1),
      at: known.find(({ event, number }) => event === 'made' && number === index + 1)?.at ?? null,
      isRetired: retired.has(index + 1),
    }));
  };
  const generations = { site: of('site'), subject: of('subject'), authority: of('authority'), issuer: of('issuer') };
  const serving = events.filter(({ kind, event }) => kind === 'authority' && event === 'serves');
  return { generations, unfinished, servingAuthority: Math.max(1, ...serving.map(({ number }) => number)) };
}

/** The generation that new things are made with. */
export function newestOf({ generations }: KeyHistory, kind: KeyKind): Generation {
  const newest = generations[kind].at(-1);
  if (newest === undefined) throw new Error(`there is always a generation of ${kind}`);
  return newest;
}

function readEvents(trustFolder: string): readonly KeyEvent[] {
  try {
    return readLines(readFileSync(keyLedgerPath(trustFolder), 'utf8'), lineSchema);
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return [];
    throw unusable(keyLedgerPath(trustFolder), error);
  }
}

function readFolders(trustFolder: string): ReadonlySet<string> {
  const pattern = new RegExp(`^(?:${keyKinds.join('|')})-[1-9][0-9]*$`);
  try {
    return new Set(readdirSync(join(trustFolder, foldersName)).filter((name) => pattern.test(name)));
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return new Set();
    throw unusable(join(trustFolder, foldersName), error);
  }
}

function unusable(path: string, error: unknown): unknown {
  return isSystemError(error) ? new Fault('DATA_DIR_UNUSABLE', `${path}.`, { cause: error }) : error;
}

function damaged(trustFolder: string, problem: string): Fault {
  return new Fault('TRUST_DAMAGED', `${trustFolder}: ${problem}.`);
}
