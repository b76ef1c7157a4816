/** The ways in which a power cut can fall, each repeatable by its seed. */
import type { Chance } from '../../shared/ports.ts';
import { seededChance } from '../fakes/seeded-chance.ts';
import type { Cut, Disk, Image } from './disk.ts';
import type { Step } from './write-log.ts';

/**
 * `lost`: nothing that was not synced is there. `kept`: all of it is (as after SIGKILL). `prefix`: what came first is, and
 * the step at its end in part. `shuffled`: any pieces are, in no order. `garbled`: so, and pieces that were being written
 * hold garbage, which also stands behind the ends of files.
 */
export const cutKinds = ['lost', 'kept', 'prefix', 'shuffled', 'garbled'] as const;
export type CutKind = (typeof cutKinds)[number];

/** What one power cut left. */
export interface Crash {
  /** Steps that were done before the power went. */
  readonly done: number;
  readonly kind: CutKind;
  readonly image: Image;
}

const sectorBytes = 512;
const pageBytes = 4096;
const tailBytesMax = 3 * pageBytes;

/** Leads a disk through `steps` and cuts the power `count` times, at places and in ways that `seed` chooses. */
export function* crashes(
  disk: Disk,
  steps: readonly Step[],
  options: { seed: number; count: number },
): Generator<Crash> {
  const chance = seededChance(options.seed);
  const places = Array.from({ length: options.count }, () => Math.floor(chance.fraction() * (steps.length + 1)));
  places.sort((one, other) => one - other);
  let done = 0;
  for (const place of places) {
    for (; done < place; done++) disk.take(steps[done] as Step);
    const kind = pick(chance, cutKinds);
    yield { done, kind, image: disk.after(makeCut(kind, chance, disk.pendingSteps())) };
  }
}

/** A cut of one kind. `pending` are the places of the steps that were not synced. */
export function makeCut(kind: CutKind, chance: Chance, pending: readonly number[]): Cut {
  const none = Buffer.alloc(0);
  const sharedMemory = () => (chance.fraction() < 0.5 ? null : Buffer.from(chance.bytes(sectorBytes)));
  if (kind === 'lost' || kind === 'kept') {
    const all = () => kind === 'kept';
    return { keepsName: all, keepsSize: all, keepsPiece: all, pieceBytes: pageBytes, tail: () => none, sharedMemory };
  }
  const last = pick(chance, [...pending, Number.POSITIVE_INFINITY]);
  const share = chance.fraction();
  const before = (step: number) => step < last;
  const pieceBytes = pick(chance, [sectorBytes, pageBytes]);
  if (kind === 'prefix') {
    return {
      keepsName: before,
      keepsSize: before,
      keepsPiece: (step, piece, pieces) => step < last || (step === last && piece < share * pieces),
      pieceBytes,
      tail: () => none,
      sharedMemory,
    };
  }
  const likely = () => chance.fraction() < share;
  const garbled = kind === 'garbled';
  return {
    // Names go through a journal, most often; but not on every card and stick.
    keepsName: chance.fraction() < 0.5 ? before : likely,
    keepsSize: likely,
    keepsPiece: (_step, _piece, _pieces, bytes) =>
      likely() || (garbled && chance.fraction() < 0.5 ? garbage(chance, bytes) : false),
    pieceBytes,
    tail: () => (garbled && chance.fraction() < 0.5 ? garbage(chance, chance.fraction() * tailBytesMax) : none),
    sharedMemory,
  };
}

/** Noise, or the zeros that many file systems leave where a write was lost. */
function garbage(chance: Chance, bytes: number): Buffer {
  return chance.fraction() < 0.5 ? Buffer.from(chance.bytes(Math.floor(bytes))) : Buffer.alloc(Math.floor(bytes));
}

function pick<T>(chance: Chance, choices: readonly T[]): T {
  return choices[Math.floor(chance.fraction() * choices.length)] as T;
}
