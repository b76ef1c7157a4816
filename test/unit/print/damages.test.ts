import { describe, expect, test } from 'vitest';
import { seededChance } from '../../fakes/seeded-chance.ts';
import { viewHeightPx, viewWidthPx } from '../../print/camera.ts';
import { damages, wearAndPhotograph } from '../../print/damages.ts';
import { type Grey, plain } from '../../print/grey.ts';
import { dirty, type Paper, paperPixelsPerMm, printed, scratch } from '../../print/paper.ts';

const sidePx = Math.round(70 * paperPixelsPerMm);

/** A card of 70 mm with the place of a code in its middle. */
function card(tone: number): Paper {
  const side = 50 * paperPixelsPerMm;
  return { ...plain(sidePx, sidePx, tone), code: { left: (sidePx - side) / 2, top: (sidePx - side) / 2, side } };
}

/** A card with stripes of 1 mm in place of a code. */
function stripes(): Paper {
  const striped = card(255);
  for (let at = 0; at < striped.data.length; at++) {
    if (Math.floor((at % sidePx) / paperPixelsPerMm) % 2 === 0) striped.data[at] = 0;
  }
  return striped;
}

const differing = (a: Grey, b: Grey) => a.data.reduce((sum, tone, at) => sum + (tone === b.data[at] ? 0 : 1), 0);

describe('a damage', () => {
  test.each(damages.filter(({ strengths }) => strengths.length > 1))('has four strengths: $name', ({ strengths }) => {
    expect(strengths).toHaveLength(4);
    expect(new Set(strengths.map(({ terms }) => terms)).size).toBe(4);
  });

  test.each(damages)('does the same harm for the same seed and another for another: $name', async ({ strengths }) => {
    const wear = strengths[0]?.wear ?? {};
    const [first] = await wearAndPhotograph(stripes(), wear, 7, 1);
    const [again] = await wearAndPhotograph(stripes(), wear, 7, 1);
    const [other] = await wearAndPhotograph(stripes(), wear, 8, 1);
    expect(first).toEqual(again);
    expect(first).toMatchObject({ width: viewWidthPx, height: viewHeightPx });
    expect(first?.data).not.toEqual(other?.data);
  });

  test('leaves the card that it is given alone', async () => {
    const fresh = stripes();
    for (const { strengths } of damages) await wearAndPhotograph(fresh, strengths.at(-1)?.wear ?? {}, 1, 1);
    expect(fresh).toEqual(stripes());
  });

  test('of dirt covers its share of the code', () => {
    const white = printed(card(255));
    const none = { share: 0, sizeMm: [1, 2] } as const;
    const crumbs = { share: 0.1, sizeMm: [0.5, 4] } as const;
    const dirt = dirty(white, { stains: { ...none, leaves: [0.5, 0.6] }, crumbs }, seededChance(3));
    const share = differing(white, dirt) / white.code.side ** 2;
    expect(share).toBeGreaterThan(0.099);
    expect(share).toBeLessThan(0.115); // the last crumb may overshoot, and some lie over the code's edge
  });

  test('of one scratch is about as wide as it says', () => {
    const black = printed(card(0));
    const scratched = scratch(black, { count: 1, widthMm: [1, 1], depth: 1 }, seededChance(5));
    const areaMm2 = differing(black, scratched) / paperPixelsPerMm ** 2;
    expect(areaMm2).toBeGreaterThan(0.4 * 50 * 0.5); // part of it may lie beyond the paper
    expect(areaMm2).toBeLessThan(1.2 * 50 * 1.3);
  });
});

describe('a steady picture', () => {
  test('shows the code where the framing says: 50 mm of 100 mm across', async () => {
    const black = card(255);
    const left = Math.round(10 * paperPixelsPerMm);
    for (let y = left; y < sidePx - left; y++) black.data.fill(0, y * sidePx + left, (y + 1) * sidePx - left);
    const [view] = await wearAndPhotograph(black, {}, 1, 1);
    const dark = view?.data.reduce((sum, tone) => sum + (tone < 60 ? 1 : 0), 0) ?? 0;
    expect(Math.sqrt(dark)).toBeGreaterThan(310);
    expect(Math.sqrt(dark)).toBeLessThan(330);
  });
});
