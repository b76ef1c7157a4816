/**
 * Changes one of the site's keys: makes its next generation, lets the gateway go over to a new authority, and ends an old
 * one. Each step is one line of the ledger, so that whoever is cut off may run it again.
 */
import { readdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Clock } from '../../shared/ports.ts';
import { makeDurableFolder } from '../../shared/system/durable.ts';
import { type FileDraft, makeFolder, removeFolder } from './durable-file.ts';
import { gatewayNames, type Machine, thisMachine } from './gateway-names.ts';
import { draftIssuer } from './issuer.ts';
import {
  type Generation,
  generationFolder,
  type KeyKind,
  newestOf,
  readKeyHistory,
  recordKeyEvent,
} from './key-ledger.ts';
import { draftAuthority, draftSealingKey, draftSubjectKey, toDiskFault } from './trust-files.ts';

export interface RotationOptions {
  /** The trust folder, which must be there. */
  readonly folder: string;
  readonly site: string;
  readonly clock: Clock;
  readonly machine?: () => Machine;
}

/**
 * Makes the next generation of a key, or ends the making of one that was cut off. From then on it counts. Throws the
 * Faults TRUST_DAMAGED and DATA_DIR_UNUSABLE.
 */
export async function makeGeneration(kind: KeyKind, options: RotationOptions): Promise<Generation> {
  const { folder, clock } = options;
  try {
    const before = readKeyHistory(folder);
    const number = before.unfinished[kind] ?? newestOf(before, kind).number + 1;
    const now = () => new Date(clock.nowMs()).toISOString();
    if (before.unfinished[kind] === undefined)
      await recordKeyEvent(folder, { kind, number, event: 'begun', at: now() });
    const target = generationFolder(folder, kind, number);
    makeDurableFolder(dirname(target));
    await removeLeftovers(target);
    // One that is there already is whole: it was made before the process was cut off.
    await makeFolder(target, await draftsOf(kind, number, options));
    await recordKeyEvent(folder, { kind, number, event: 'made', at: now() });
    return newestOf(readKeyHistory(folder), kind);
  } catch (error) {
    throw toDiskFault(folder, error);
  }
}

/** From now on the gateway shows a certificate of its newest authority. Throws as {@link makeGeneration}. */
export function serveNewestAuthority({ folder, clock }: RotationOptions): Promise<void> {
  return guard(folder, async () => {
    const history = readKeyHistory(folder);
    const { number } = newestOf(history, 'authority');
    if (history.servingAuthority === number) return;
    await recordKeyEvent(folder, {
      kind: 'authority',
      number,
      event: 'serves',
      at: new Date(clock.nowMs()).toISOString(),
    });
  });
}

/** From now on the older generations of an authority or issuer are believed no more; says how many those were. Throws as {@link makeGeneration}. */
export function retireOlder(kind: 'authority' | 'issuer', { folder, clock }: RotationOptions): Promise<number> {
  return guard(folder, async () => {
    const history = readKeyHistory(folder);
    const last = kind === 'authority' ? history.servingAuthority : newestOf(history, kind).number;
    const older = history.generations[kind].filter(({ number, isRetired }) => number < last && !isRetired);
    const at = new Date(clock.nowMs()).toISOString();
    for (const { number } of older) await recordKeyEvent(folder, { kind, number, event: 'retired', at });
    return older.length;
  });
}

async function draftsOf(kind: KeyKind, number: number, options: RotationOptions): Promise<readonly FileDraft[]> {
  const { site, clock, machine = thisMachine } = options;
  if (kind === 'authority')
    return draftAuthority(`${site} ${number}`, gatewayNames('localhost', machine()), clock.nowMs());
  if (kind === 'subject') return draftSubjectKey();
  if (kind === 'issuer') return draftIssuer(site);
  return draftSealingKey(site);
}

/** Half a generation that a crash left: keys that nothing ever used. */
async function removeLeftovers(target: string): Promise<void> {
  for (const name of await readdir(dirname(target))) {
    if (name.startsWith(`${basename(target)}.`) && name.endsWith('.tmp'))
      await removeFolder(join(dirname(target), name));
  }
}

async function guard<T>(folder: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw toDiskFault(folder, error);
  }
}
