/**
 * What a scanner's camera makes of a paper: 640 × 480 pixels, a pinhole with the opening angle of a handheld or counter
 * scanner (about 33° across, which sees 100 mm at 170 mm), a card that is never quite straight, sensor noise.
 */
import type { Chance } from '../../shared/ports.ts';
import { blur, type Grey, plain, smear, toneAt } from './grey.ts';
import { between, normals } from './noise.ts';
import { behindTone, type Paper, paperPixelsPerMm } from './paper.ts';

export const viewWidthPx = 640;
export const viewHeightPx = 480;

/** Distance from the lens to the paper for each millimetre that is seen across. */
const distancePerSeen = 1.7;

export interface Shot {
  /** How much of the card's plane is seen across the picture's width. */
  readonly seenMm: number;
  /** Out of focus, or moved while the shutter was open (half of the pictures each): the sigma, on the paper. */
  readonly blurMm: number;
  /** In the picture's plane, at most, to either side. */
  readonly turnDegrees: number;
  /** Out of the picture's plane, at most, about any axis. */
  readonly tiltDegrees: number;
}

/** What a picture is like when nothing is wrong: 20 cm away at most, not quite straight, not quite sharp. */
export const steadyShot: Shot = { seenMm: 100, blurMm: 0.06, turnDegrees: 4, tiltDegrees: 4 };

type Vector = readonly [number, number, number];

const dot = (a: Vector, b: Vector) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];

/** The paper's directions (right and down) in space, and what is at a right angle to them. */
function holdPaper(turn: number, tilt: number, axis: number): { right: Vector; down: Vector; out: Vector } {
  // Rodrigues' rotation by `tilt` about the axis (cos, sin, 0) in the picture's plane, after a turn within it.
  const rotate = (x: number, y: number): Vector => {
    const along = x * Math.cos(axis) + y * Math.sin(axis);
    const beside = -x * Math.sin(axis) + y * Math.cos(axis);
    return [
      along * Math.cos(axis) - beside * Math.cos(tilt) * Math.sin(axis),
      along * Math.sin(axis) + beside * Math.cos(tilt) * Math.cos(axis),
      beside * Math.sin(tilt),
    ];
  };
  const right = rotate(Math.cos(turn), Math.sin(turn));
  const down = rotate(-Math.sin(turn), Math.cos(turn));
  const out: Vector = [
    right[1] * down[2] - right[2] * down[1],
    right[2] * down[0] - right[0] * down[2],
    right[0] * down[1] - right[1] * down[0],
  ];
  return { right, down, out };
}

/** Takes a picture of a paper whose code is held about the middle of it. */
export async function photograph(paper: Paper, shot: Shot, chance: Chance): Promise<Grey> {
  const pixelsPerMm = viewWidthPx / shot.seenMm;
  const fine = await blur(paper, (0.45 * paperPixelsPerMm) / pixelsPerMm); // what one pixel of the sensor gathers
  const seen = project({ ...paper, ...fine }, shot, chance);
  const moved = chance.fraction() < 0.5;
  const sigma = shot.blurMm * pixelsPerMm;
  const angle = between(chance, 0, Math.PI);
  // A line of length l has the standard deviation l / √12; the lens is never sharper than that of a steady shot.
  const sharpest = steadyShot.blurMm * pixelsPerMm;
  const unsharp = moved
    ? await blur(smear(seen, sigma * Math.sqrt(12), angle), sharpest)
    : await blur(seen, Math.max(sigma, sharpest));
  return develop(unsharp, chance);
}

/** Where light comes from: each pixel's ray is followed to the paper. */
function project(paper: Paper, shot: Shot, chance: Chance): Grey {
  const radians = (degrees: number) => (between(chance, -degrees, degrees) * Math.PI) / 180;
  const { right, down, out } = holdPaper(
    radians(shot.turnDegrees),
    radians(shot.tiltDegrees),
    between(chance, 0, 2 * Math.PI),
  );
  const slack = shot.seenMm * 0.015;
  const distance = shot.seenMm * distancePerSeen;
  const centre: Vector = [between(chance, -slack, slack), between(chance, -slack, slack), distance];
  const focal = viewWidthPx * distancePerSeen;
  const reach = dot(centre, out);
  const rightOf = dot(centre, right);
  const downOf = dot(centre, down);
  const middleX = paper.code.left + paper.code.side / 2;
  const middleY = paper.code.top + paper.code.side / 2;
  const view = plain(viewWidthPx, viewHeightPx, behindTone);
  for (let y = 0; y < viewHeightPx; y++) {
    const rayY = (y - viewHeightPx / 2) / focal;
    for (let x = 0; x < viewWidthPx; x++) {
      const rayX = (x - viewWidthPx / 2) / focal;
      const along = reach / (rayX * out[0] + rayY * out[1] + out[2]);
      const acrossMm = (rayX * right[0] + rayY * right[1] + right[2]) * along - rightOf;
      const downMm = (rayX * down[0] + rayY * down[1] + down[2]) * along - downOf;
      const paperX = acrossMm * paperPixelsPerMm + middleX;
      const paperY = downMm * paperPixelsPerMm + middleY;
      view.data[y * viewWidthPx + x] = toneAt(paper, paperX, paperY, behindTone);
    }
  }
  return view;
}

/** Uneven light and the sensor's noise. */
function develop({ width, height, data }: Grey, chance: Chance): Grey {
  const noise = normals(chance);
  const exposure = between(chance, 0.85, 1.05);
  const slope = between(chance, 0, 0.15);
  const angle = between(chance, 0, 2 * Math.PI);
  const across = (Math.cos(angle) * slope * 2) / width;
  const down = (Math.sin(angle) * slope * 2) / height;
  const developed = plain(width, height, 0);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const at = y * width + x;
      const light = exposure * (1 + (x - width / 2) * across + (y - height / 2) * down);
      developed.data[at] = (data[at] ?? 0) * light + 2.5 * noise();
    }
  }
  return developed;
}
