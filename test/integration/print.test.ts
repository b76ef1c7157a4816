/** Printed cards, worn as in life, before decoders that nobody here wrote. `npm run print-table` is the whole of it. */
import { beforeAll, describe, expect, test } from 'vitest';
import { printLevel } from '../../gateway/cards/qr-level.ts';
import { seededChance } from '../fakes/seeded-chance.ts';
import { drawCardTexts, printCards } from '../print/cards.ts';
import { type Damage, damages } from '../print/damages.ts';
import { decoders } from '../print/decoders.ts';
import { type PrintedCards, tryCards } from '../print/measure.ts';
import { allAtOnce, mildShareMin, mildStrengthMax } from '../print/table.ts';

const seed = 1;
const looks = 1;

/** Of each damage at each mild strength. */
const samples = 12;

let cards: PrintedCards;

beforeAll(async () => {
  const texts = drawCardTexts(samples, seededChance(seed));
  cards = { level: printLevel, texts, papers: await printCards(texts, printLevel) };
});

function damageCalled(name: string): Damage {
  const damage = damages.find((one) => one.name === name);
  if (damage === undefined) throw new Error(`no damage ${name}`);
  return damage;
}

describe('a printed card', () => {
  test('is read by each decoder in 99 of 100 pictures when it is mildly worn, and never misread', async () => {
    const cells = [];
    for (const damage of damages.filter(({ name }) => name !== allAtOnce)) {
      for (let strength = 1; strength <= Math.min(mildStrengthMax, damage.strengths.length); strength++)
        cells.push(...(await tryCards(cards, { damage, strength, samples, seed, looks })));
    }
    expect(cells.filter(({ misread }) => misread > 0)).toEqual([]);
    for (const decoder of Object.keys(decoders)) {
      const own = cells.filter((cell) => cell.decoder === decoder);
      const read = own.reduce((sum, cell) => sum + cell.read, 0);
      const unread = own.filter((cell) => cell.read < cell.samples);
      expect(read / (own.length * samples), `${decoder} ${JSON.stringify(unread)}`).toBeGreaterThanOrEqual(
        mildShareMin,
      );
    }
  }, 120_000);

  test('is not read when it is ruined, so that the test above can fail', async () => {
    const cells = await tryCards(cards, { damage: damageCalled('folded'), strength: 4, samples, seed, looks });
    expect(cells.map(({ decoder }) => decoder)).toEqual(['zxing', 'zbar']);
    for (const { read, samples: tried } of cells) expect(read).toBeLessThan(tried / 2);
  });

  test('counts as read only when its text is exactly what was printed', async () => {
    const oneLetterOff = {
      ...cards,
      texts: cards.texts.map((text) => `${text.slice(0, -1)}${text.endsWith('A') ? 'B' : 'A'}`),
    };
    const cells = await tryCards(oneLetterOff, { damage: damageCalled('none'), strength: 1, samples, seed, looks });
    expect(cells.map(({ read, misread }) => ({ read, misread }))).toEqual([
      { read: 0, misread: samples },
      { read: 0, misread: samples },
    ]);
  });
});
