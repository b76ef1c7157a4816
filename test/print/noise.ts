/** Random tones for whole pictures, all of them from a seeded chance. */
import type { Chance } from '../../shared/ports.ts';
import { seededChance } from '../fakes/seeded-chance.ts';

/** A number of the standard normal distribution (Box and Muller). */
function normal(chance: Chance): number {
  return Math.sqrt(-2 * Math.log(1 - chance.fraction())) * Math.cos(2 * Math.PI * chance.fraction());
}

const tableLength = 1 << 16;
const tableChance = seededChance(1);
const table = Float32Array.from({ length: tableLength }, () => normal(tableChance));

/** Standard normal numbers by the million: a walk through a table, with a start and a step of its own. */
export function normals(chance: Chance): () => number {
  let at = Math.floor(chance.fraction() * tableLength);
  const step = 2 * Math.floor(chance.fraction() * (tableLength / 2)) + 1;
  return () => {
    at = (at + step) & (tableLength - 1);
    return table[at] ?? 0;
  };
}

/** Evenly spread between two numbers. */
export function between(chance: Chance, low: number, high: number): number {
  return low + (high - low) * chance.fraction();
}

/** Soft patches over a picture: -1 to 1 at each pixel, changing over `patchPx` pixels. */
export function patches(chance: Chance, width: number, height: number, patchPx: number) {
  const columns = Math.ceil(width / patchPx) + 2;
  const rows = Math.ceil(height / patchPx) + 2;
  const knots = Float32Array.from({ length: columns * rows }, () => between(chance, -1, 1));
  return (x: number, y: number): number => {
    const left = Math.floor(x / patchPx);
    const top = Math.floor(y / patchPx);
    const right = ease(x / patchPx - left);
    const down = ease(y / patchPx - top);
    const at = top * columns + left;
    const above = (knots[at] ?? 0) * (1 - right) + (knots[at + 1] ?? 0) * right;
    const below = (knots[at + columns] ?? 0) * (1 - right) + (knots[at + columns + 1] ?? 0) * right;
    return above * (1 - down) + below * down;
  };
}

function ease(share: number): number {
  return share * share * (3 - 2 * share);
}
