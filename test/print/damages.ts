/** The damages of the table, each in four strengths: 1 mild wear, 2 worn, 3 badly worn, 4 ruined. */
import { seededChance } from '../fakes/seeded-chance.ts';
import { photograph, type Shot, steadyShot } from './camera.ts';
import type { Grey } from './grey.ts';
import {
  type Dirt,
  dirty,
  type Fading,
  type Folds,
  fade,
  fold,
  type Paper,
  type Photocopies,
  photocopy,
  printed,
  type Scratches,
  scratch,
} from './paper.ts';

/** All that may happen to one card and its picture; what is not named does not happen. */
export interface Wear {
  readonly photocopies?: Photocopies;
  readonly fading?: Fading;
  readonly scratches?: Scratches;
  readonly dirt?: Dirt;
  readonly folds?: Folds;
  readonly shot?: Partial<Shot>;
}

export interface Strength {
  /** In physical terms, for the table. */
  readonly terms: string;
  readonly wear: Wear;
}

export interface Damage {
  readonly name: string;
  /** From mild to ruined; `none` has only one. */
  readonly strengths: readonly Strength[];
}

const percent = (share: number) => `${Number((share * 100).toPrecision(2))} %`;

const blurred: readonly Strength[] = [0.15, 0.28, 0.42, 0.6].map((blurMm) => ({
  terms: `σ ${blurMm} mm (${(blurMm * 6.4).toFixed(1)} px)`,
  wear: { shot: { blurMm } },
}));

const dirtied: readonly Strength[] = (
  [
    [0.02, [0.5, 3], [0.65, 0.9], 0.002, [0.2, 0.4]],
    [0.05, [1, 6], [0.6, 0.85], 0.004, [0.2, 0.5]],
    [0.08, [1, 8], [0.45, 0.8], 0.015, [0.3, 1.6]],
    [0.15, [2, 10], [0.35, 0.75], 0.04, [0.4, 4]],
  ] as const
).map(([stained, stainMm, leaves, crumbed, crumbMm]) => ({
  terms:
    `${percent(stained)} of the code stained (${stainMm.join('–')} mm, ${leaves.map(percent).join(' to ')} of the light left), ` +
    `${percent(crumbed)} under crumbs (${crumbMm.join('–')} mm)`,
  wear: {
    dirt: { stains: { share: stained, sizeMm: stainMm, leaves }, crumbs: { share: crumbed, sizeMm: crumbMm } },
  },
}));

const scratched: readonly Strength[] = (
  [
    [3, [0.1, 0.2], 0.3],
    [5, [0.1, 0.25], 0.35],
    [7, [0.2, 0.6], 0.7],
    [8, [0.4, 1], 1],
  ] as const
).map(([count, widthMm, depth]) => ({
  terms: `${count} of 20–60 mm, ${widthMm.join('–')} mm wide, ${percent(depth)} of the ink gone`,
  wear: { scratches: { count, widthMm, depth } },
}));

const folded: readonly Strength[] = (
  [
    [1, 5, 0.1, 0.1, 0.3],
    [1, 10, 0.2, 0.2, 0.4],
    [2, 20, 0.3, 0.5, 0.8],
    [2, 30, 0.45, 1, 1],
  ] as const
).map(([count, bendDegrees, shadow, creaseMm, depth]) => ({
  terms:
    `${count === 1 ? '1 crease' : `${count} creases`} of ${creaseMm} mm, ${percent(depth)} of the ink gone, ` +
    `bent ${bendDegrees}°, shadow ${percent(shadow)}`,
  wear: { folds: { count, bendDegrees, shadow, creaseMm, depth } },
}));

const rotated: readonly Strength[] = (
  [
    [15, 10],
    [45, 20],
    [180, 35],
    [180, 55],
  ] as const
).map(([turnDegrees, tiltDegrees]) => ({
  terms: `turned up to ±${turnDegrees}°, tilted up to ${tiltDegrees}°`,
  wear: { shot: { turnDegrees, tiltDegrees } },
}));

const faded: readonly Strength[] = [0.6, 0.35, 0.15, 0.08].map((contrast) => ({
  terms: `${percent(contrast)} of the contrast left`,
  wear: { fading: { contrast } },
}));

const photocopied: readonly Strength[] = (
  [
    [1, 0.1, 0.5],
    [2, 0.14, 1],
    [3, 0.2, 4],
    [4, 0.3, 12],
  ] as const
).map(([generations, blurMm, specksPerCm2]) => ({
  terms: `${generations === 1 ? '1 generation' : `${generations} generations`}, σ ${blurMm} mm, ${specksPerCm2} specks/cm² each`,
  wear: { photocopies: { generations, blurMm, specksPerCm2 } },
}));

const distant: readonly Strength[] = [150, 220, 300, 400].map((seenMm) => ({
  terms: `${seenMm / 10} cm seen across, the code ${Math.round((640 * 50) / seenMm)} px`,
  wear: { shot: { seenMm } },
}));

const single: readonly Damage[] = [
  { name: 'blurred', strengths: blurred },
  { name: 'dirtied', strengths: dirtied },
  { name: 'scratched', strengths: scratched },
  { name: 'folded', strengths: folded },
  { name: 'rotated', strengths: rotated },
  { name: 'faded', strengths: faded },
  { name: 'photocopied', strengths: photocopied },
  { name: 'far away', strengths: distant },
];

/** What happens when all damages of one strength meet in one card, which is held at the usual distance. */
function all(strength: number): Wear {
  const wears = single.map(({ strengths }) => strengths[strength]?.wear ?? {});
  const shot = Object.assign({}, ...wears.map((wear) => wear.shot), { seenMm: steadyShot.seenMm });
  return Object.assign({}, ...wears, { shot });
}

/** The rows of the table. */
export const damages: readonly Damage[] = [
  { name: 'none', strengths: [{ terms: 'held at 10 cm seen across, within 4° of straight', wear: {} }] },
  ...single,
  {
    name: 'all at once',
    strengths: [0, 1, 2, 3].map((strength) => ({
      terms: `all but the distance at strength ${strength + 1}`,
      wear: all(strength),
    })),
  },
];

/**
 * Pictures of one worn card, taken one after the other while a hand holds it.
 * @param seed The same seed does the same harm, whatever is printed.
 */
export async function wearAndPhotograph(
  card: Paper,
  wear: Wear,
  seed: number,
  looks: number,
): Promise<readonly Grey[]> {
  const chance = seededChance(seed);
  let paper = printed(card);
  if (wear.photocopies) paper = await photocopy(paper, wear.photocopies, chance);
  if (wear.fading) paper = fade(paper, wear.fading, chance);
  if (wear.scratches) paper = scratch(paper, wear.scratches, chance);
  if (wear.dirt) paper = dirty(paper, wear.dirt, chance);
  if (wear.folds) paper = fold(paper, wear.folds, chance);
  const pictures: Grey[] = [];
  while (pictures.length < looks) pictures.push(await photograph(paper, { ...steadyShot, ...wear.shot }, chance));
  return pictures;
}
