/** How many of the worn cards each decoder reads. */
import type { QrLevel } from '../../gateway/cards/qr-matrix.ts';
import { type Damage, wearAndPhotograph } from './damages.ts';
import { decoders } from './decoders.ts';
import type { Grey } from './grey.ts';
import type { Paper } from './paper.ts';

/** Cards of one level, cut out of their sheets, each with the text that it must give. */
export interface PrintedCards {
  readonly level: QrLevel;
  readonly texts: readonly string[];
  readonly papers: readonly Paper[];
}

/** One cell of the table. */
export interface Cell {
  readonly decoder: string;
  readonly damage: string;
  /** From 1, mild. */
  readonly strength: number;
  readonly level: QrLevel;
  readonly samples: number;
  /** Gave exactly the text that was printed. */
  readonly read: number;
  /** Gave any other text. */
  readonly misread: number;
}

export interface Trial {
  readonly damage: Damage;
  /** From 1, mild. */
  readonly strength: number;
  readonly samples: number;
  readonly seed: number;
  /** Pictures of each worn card; one that can be read is enough, as it is for a scanner that keeps looking. */
  readonly looks: number;
}

/** Wears `samples` cards in one way and has every decoder read them: one cell a decoder. */
export async function tryCards(cards: PrintedCards, trial: Trial): Promise<readonly Cell[]> {
  const { damage, strength, samples, looks } = trial;
  const wear = damage.strengths[strength - 1]?.wear;
  if (wear === undefined) throw new RangeError(`${damage.name} has no strength ${strength}`);
  const views: Grey[] = [];
  const expected: string[] = [];
  for (let sample = 0; sample < samples; sample++) {
    const paper = cards.papers[sample % cards.papers.length];
    const text = cards.texts[sample % cards.texts.length];
    if (paper === undefined || text === undefined) throw new RangeError('no card to wear');
    views.push(...(await wearAndPhotograph(paper, wear, seedOf(trial, sample), looks)));
    expected.push(text);
  }
  const cells: Cell[] = [];
  for (const [decoder, decode] of Object.entries(decoders)) {
    const found = await decode(views);
    const looksAt = (sample: number) => found.slice(sample * looks, (sample + 1) * looks);
    const read = expected.filter((text, sample) => looksAt(sample).includes(text)).length;
    const misread = expected.filter((text, sample) =>
      looksAt(sample).some((got) => got !== null && got !== text),
    ).length;
    cells.push({ decoder, damage: damage.name, strength, level: cards.level, samples, read, misread });
  }
  return cells;
}

/** The same harm for every level and decoder, another for each damage, strength and sample. */
function seedOf({ damage, strength, seed }: Trial, sample: number): number {
  let mixed = seed;
  for (const letter of `${damage.name} ${strength} ${sample}`)
    mixed = Math.imul(mixed ^ letter.charCodeAt(0), 0x01000193);
  return mixed >>> 0;
}
