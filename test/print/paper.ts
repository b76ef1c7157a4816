/**
 * What happens to the paper: damage done to a rendered card at 300 dpi, before any camera sees it. Every function gives
 * a new paper, the same for the same chance.
 */
import type { Chance } from '../../shared/ports.ts';
import { blur, type Grey, toneAt } from './grey.ts';
import { between, normals, patches } from './noise.ts';

/** How finely pages are rendered, and what that is in pixels a millimetre. */
export const paperDpi = 300;
export const paperPixelsPerMm = paperDpi / 25.4;

/** A card as it was rendered, cut out along its marks. */
export interface Paper extends Grey {
  /** Where the code lies, without its quiet zone: its upper left corner and its side, in pixels. */
  readonly code: { readonly left: number; readonly top: number; readonly side: number };
}

/** The tone of a hand or a counter behind the card. */
export const behindTone = 95;

/** Tones of clean paper and of fresh ink in a camera's picture: no ink is black, no paper is white. */
const paperTone = 225;
const inkTone = 30;

/** Round spots of one sort. */
export interface Spots {
  /** Of the code's area, 0 to 1. */
  readonly share: number;
  /** Diameter, smallest and largest. */
  readonly sizeMm: readonly [number, number];
}

export interface Dirt {
  /** Tea, sweat, fingers: ink and paper still show, darker: of their light this much is left, least and most. */
  readonly stains: Spots & { readonly leaves: readonly [number, number] };
  /** Mud and crumbs: neither ink nor paper shows. */
  readonly crumbs: Spots;
}

export interface Scratches {
  readonly count: number;
  /** Smallest and largest. */
  readonly widthMm: readonly [number, number];
  /** How much of the ink along them is gone, 0 to 1. */
  readonly depth: number;
}

export interface Folds {
  readonly count: number;
  /** How far one side stays bent out of the plane. */
  readonly bendDegrees: number;
  /** How much darker the bent side is, 0 to 1. */
  readonly shadow: number;
  /** Width of the crease. */
  readonly creaseMm: number;
  /** How much of the ink along the crease is gone, 0 to 1. */
  readonly depth: number;
}

export interface Fading {
  /** What is left of the difference between ink and paper, 0 to 1. */
  readonly contrast: number;
}

export interface Photocopies {
  /** 2 is the copy of a copy. */
  readonly generations: number;
  /** The machine's unsharpness: sigma. */
  readonly blurMm: number;
  /** Of toner, each generation, in a square centimetre. */
  readonly specksPerCm2: number;
}

/** The same picture with ink and paper of real tones. */
export function printed(paper: Paper): Paper {
  const toned = copyOf(paper);
  const { data } = toned;
  for (let at = 0; at < data.length; at++) data[at] = inkTone + ((paperTone - inkTone) * (data[at] ?? 0)) / 255;
  return toned;
}

function copyOf(paper: Paper): Paper {
  return { ...paper, data: paper.data.slice() };
}

/** Stains and crumbs on the code until each cover their share of it. */
export function dirty(paper: Paper, { stains, crumbs }: Dirt, chance: Chance): Paper {
  const stained = spot(paper, stains, chance, () => {
    const left = between(chance, ...stains.leaves);
    return (tone) => tone * left;
  });
  return spot(stained, crumbs, chance, () => {
    const crumb = between(chance, 40, 150);
    return () => crumb;
  });
}

/** @param drawColour What the next spot makes of a tone. */
function spot(
  paper: Paper,
  { share, sizeMm }: Spots,
  chance: Chance,
  drawColour: () => (tone: number) => number,
): Paper {
  const spotted = copyOf(paper);
  const { width, height, data } = spotted;
  const { left, top, side } = paper.code;
  const covered = new Uint8Array(width * height);
  let open = share * side * side;
  while (open > 0) {
    const [small, large] = sizeMm;
    const radius = (small * (large / small) ** chance.fraction() * paperPixelsPerMm) / 2;
    const x = left + side * chance.fraction();
    const y = top + side * chance.fraction();
    const colour = drawColour();
    const isInside = spotOutline(radius, chance);
    const reach = Math.ceil(radius * 1.5);
    for (let py = Math.max(0, Math.round(y) - reach); py < Math.min(height, Math.round(y) + reach); py++) {
      for (let px = Math.max(0, Math.round(x) - reach); px < Math.min(width, Math.round(x) + reach); px++) {
        const at = py * width + px;
        if (covered[at] === 1 || !isInside(px - x, py - y)) continue;
        covered[at] = 1;
        if (px >= left && px < left + side && py >= top && py < top + side) open--;
        data[at] = colour(data[at] ?? 0);
      }
    }
  }
  return spotted;
}

/** A round shape with an uneven edge, at most 1.5 times as far out as its radius. */
function spotOutline(radius: number, chance: Chance): (dx: number, dy: number) => boolean {
  const waves = [2, 3, 5].map((count) => ({
    count,
    height: between(chance, 0, 0.16),
    turn: between(chance, 0, 2 * Math.PI),
  }));
  return (dx, dy) => {
    const distance = Math.hypot(dx, dy);
    if (distance > radius * 1.5) return false;
    const angle = Math.atan2(dy, dx);
    const edge = waves.reduce((sum, { count, height, turn }) => sum + height * Math.cos(count * angle + turn), 1);
    return distance <= radius * edge;
  };
}

/** Lines across the code where the ink is scratched off, one in four of them dark with what rubbed in. */
export function scratch(paper: Paper, { count, widthMm, depth }: Scratches, chance: Chance): Paper {
  const scratched = copyOf(paper);
  const { width, height, data } = scratched;
  const { left, top, side } = paper.code;
  for (let line = 0; line < count; line++) {
    const radius = (between(chance, ...widthMm) * paperPixelsPerMm) / 2;
    const lengthPx = side * between(chance, 0.4, 1.2);
    const tone = chance.fraction() < 0.25 ? between(chance, 60, 110) : paperTone - 12;
    const grain = normals(chance);
    let angle = between(chance, 0, 2 * Math.PI);
    const bend = between(chance, -0.6, 0.6) / lengthPx;
    let x = left + side * between(chance, 0.1, 0.9) - (Math.cos(angle) * lengthPx) / 2;
    let y = top + side * between(chance, 0.1, 0.9) - (Math.sin(angle) * lengthPx) / 2;
    const step = Math.max(0.5, radius / 2);
    for (let gone = 0; gone < lengthPx; gone += step, angle += bend * step) {
      x += Math.cos(angle) * step;
      y += Math.sin(angle) * step;
      const reach = Math.max(0.5, radius * (1 + 0.15 * grain()));
      for (let py = Math.ceil(y - reach); py <= y + reach; py++) {
        for (let px = Math.ceil(x - reach); px <= x + reach; px++) {
          if (px < 0 || py < 0 || px >= width || py >= height || Math.hypot(px - x, py - y) > reach) continue;
          const at = py * width + px;
          data[at] = (paper.data[at] ?? 0) * (1 - depth) + tone * depth;
        }
      }
    }
  }
  return scratched;
}

/** Creases across the code: less ink along them, and one side bent (narrower, a little slid along) and in shadow. */
export function fold(paper: Paper, folds: Folds, chance: Chance): Paper {
  let folded = paper;
  for (let index = 0; index < folds.count; index++) folded = foldOnce(folded, folds, chance);
  return folded;
}

function foldOnce(paper: Paper, { bendDegrees, shadow, creaseMm, depth }: Folds, chance: Chance): Paper {
  const folded = copyOf(paper);
  const { width, height, data } = folded;
  const { left, top, side } = paper.code;
  const angle = between(chance, 0, 2 * Math.PI);
  const across = { x: Math.cos(angle), y: Math.sin(angle) };
  const shift = side * between(chance, -0.35, 0.35); // of the crease from the code's centre
  const stretch = 1 / Math.cos((bendDegrees * Math.PI) / 180);
  const slide = between(chance, -1, 1) * 0.1 * Math.sin((bendDegrees * Math.PI) / 180);
  const crease = (creaseMm * paperPixelsPerMm) / 2;
  const shade = shadow * (chance.fraction() < 0.5 ? 1 : -0.5); // towards the light it is brighter, but less so
  const worn = patches(chance, width, height, 1.5 * paperPixelsPerMm);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const dx = x - left - side / 2;
      const dy = y - top - side / 2;
      const over = dx * across.x + dy * across.y - shift;
      const more = over > 0 ? over * (stretch - 1) : 0;
      const aside = over > 0 ? over * slide : 0;
      const flatX = x + more * across.x - aside * across.y;
      const flatY = y + more * across.y + aside * across.x;
      if (flatX < 0 || flatY < 0 || flatX >= width || flatY >= height) {
        data[y * width + x] = behindTone; // the bent side is shorter than it was
        continue;
      }
      let tone = toneAt(paper, flatX, flatY, paperTone);
      if (Math.abs(over) < crease * (1 + 0.5 * worn(x, y))) tone += (paperTone - 15 - tone) * depth;
      if (over > 0) tone *= 1 - shade;
      data[y * width + x] = tone * (1 - 0.6 * shadow * Math.exp(-Math.abs(over) / (1.2 * paperPixelsPerMm)));
    }
  }
  return folded;
}

/** Ink that paled in the sun or was rubbed: less contrast, here more and there less, on paper that yellowed. */
export function fade(paper: Paper, { contrast }: Fading, chance: Chance): Paper {
  const faded = copyOf(paper);
  const { width, height, data } = faded;
  const uneven = patches(chance, width, height, 15 * paperPixelsPerMm);
  const yellowed = paperTone - 25 * (1 - contrast);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const at = y * width + x;
      const left = contrast * (1 + 0.25 * (1 - contrast) * uneven(x, y));
      data[at] = yellowed - (paperTone - (data[at] ?? 0)) * left;
    }
  }
  return faded;
}

/** Copies of copies: each unsharp, then pushed towards black and white about a tone that differs, with specks of toner. */
export async function photocopy(paper: Paper, copies: Photocopies, chance: Chance): Promise<Paper> {
  let copy = paper;
  for (let generation = 0; generation < copies.generations; generation++) copy = await copyOnce(copy, copies, chance);
  return copy;
}

async function copyOnce(paper: Paper, { blurMm, specksPerCm2 }: Photocopies, chance: Chance): Promise<Paper> {
  const copy = copyOf({ ...paper, ...(await blur(paper, blurMm * paperPixelsPerMm)) });
  const { width, height, data } = copy;
  const threshold = between(chance, 100, 165); // below the middle the copy is pale, above it is fat
  const drum = patches(chance, width, height, 12 * paperPixelsPerMm);
  const grain = normals(chance);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const at = y * width + x;
      const light = (data[at] ?? 0) - threshold + 12 * drum(x, y) + 14 * grain();
      data[at] = Math.min(paperTone, Math.max(inkTone, 128 + light * 3));
    }
  }
  const specks = Math.round((specksPerCm2 * width * height) / (10 * paperPixelsPerMm) ** 2);
  for (let speck = 0; speck < specks; speck++) {
    const radius = between(chance, 0.05, 0.3) * paperPixelsPerMm;
    const x = width * chance.fraction();
    const y = height * chance.fraction();
    const tone = chance.fraction() < 0.7 ? inkTone : paperTone;
    for (let py = Math.max(0, Math.ceil(y - radius)); py < Math.min(height, y + radius); py++) {
      for (let px = Math.max(0, Math.ceil(x - radius)); px < Math.min(width, x + radius); px++) {
        if (Math.hypot(px - x, py - y) <= radius) data[py * width + px] = tone;
      }
    }
  }
  return copy;
}
