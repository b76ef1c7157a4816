/** From the counts to a table and to the level that cards are printed at. Pure. */
import type { QrLevel } from '../../gateway/cards/qr-matrix.ts';
import type { Damage } from './damages.ts';
import type { Cell } from './measure.ts';

export const levels: readonly QrLevel[] = ['L', 'M', 'Q', 'H'];

/** A level must read at least so often at the mild strengths, by each decoder, whichever single damage it is. */
export const mildShareMin = 0.99;

/** The strengths up to this one are what cards must stand. */
export const mildStrengthMax = 2;

/** The damage that is all others together: shown, but neither asked for nor counted. */
export const allAtOnce = 'all at once';

/** What decides for a level or against it. */
export interface Standing {
  readonly level: QrLevel;
  /** The lowest share read in any cell at the mild strengths. */
  readonly mildWorst: number;
  /** The mean share read at strengths 3 and 4, by the decoder that reads fewer. */
  readonly worn: number;
  /** The same at strength 3 alone; for people to read. */
  readonly badlyWorn: number;
}

function shareOf(cells: readonly Cell[]): number {
  const samples = cells.reduce((sum, cell) => sum + cell.samples, 0);
  return cells.reduce((sum, { read }) => sum + read, 0) / samples;
}

/** The mean share that the decoder reads which reads fewer; NaN where nothing was tried. */
function byWeakerDecoder(cells: readonly Cell[]): number {
  const shares = Array.from(Map.groupBy(cells, ({ decoder }) => decoder).values(), shareOf);
  return shares.length === 0 ? Number.NaN : Math.min(...shares);
}

/** How each level does over all single damages. */
export function compareLevels(cells: readonly Cell[]): readonly Standing[] {
  const counted = cells.filter(({ damage }) => damage !== allAtOnce);
  const tried = levels.filter((level) => counted.some((cell) => cell.level === level));
  return tried.map((level) => {
    const own = counted.filter((cell) => cell.level === level);
    const mild = own.filter(({ strength }) => strength <= mildStrengthMax);
    return {
      level,
      mildWorst: Math.min(...mild.map((cell) => shareOf([cell]))),
      worn: byWeakerDecoder(own.filter(({ strength }) => strength > mildStrengthMax)),
      badlyWorn: byWeakerDecoder(own.filter(({ strength }) => strength === mildStrengthMax + 1)),
    };
  });
}

/** Of the levels that stand mild wear, the one read most often when worn; at a tie the coarser code. Null: none stands it. */
export function decide(standings: readonly Standing[]): QrLevel | null {
  const fit = standings.filter(({ mildWorst }) => mildWorst >= mildShareMin);
  return fit.toSorted((a, b) => b.worn - a.worn || levels.indexOf(a.level) - levels.indexOf(b.level))[0]?.level ?? null;
}

const percent = (share: number) => String(Math.floor(share * 1000) / 10);

/** The table as markdown: the share read, in per cent; bold where it is less than what mild wear may cost. */
export function renderTable(damages: readonly Damage[], cells: readonly Cell[]): string {
  const decoders = [...new Set(cells.map(({ decoder }) => decoder))];
  const shown = levels.filter((level) => cells.some((cell) => cell.level === level));
  const columns = decoders.flatMap((decoder) => shown.map((level) => ({ decoder, level })));
  const lines = [
    `| damage | strength | ${columns.map(({ decoder, level }) => `${decoder} ${level}`).join(' | ')} |`,
    `|---|---|${columns.map(() => '--:|').join('')}`,
  ];
  for (const { name, strengths } of damages) {
    for (const [index, { terms }] of strengths.entries()) {
      const figures = columns.map(({ decoder, level }) => {
        const cell = cells.find(
          (one) => one.decoder === decoder && one.level === level && one.damage === name && one.strength === index + 1,
        );
        if (cell === undefined) return '';
        const share = shareOf([cell]);
        const isAsked = index < mildStrengthMax && name !== allAtOnce;
        return isAsked && share < mildShareMin ? `**${percent(share)}**` : percent(share);
      });
      lines.push(`| ${name} | ${index + 1}: ${terms} | ${figures.join(' | ')} |`);
    }
  }
  return `${lines.join('\n')}\n`;
}

/** The decision and what it rests on, in words. */
export function renderDecision(standings: readonly Standing[]): string {
  const lines = standings.map(
    ({ level, mildWorst, worn, badlyWorn }) =>
      `${level}: at least ${percent(mildWorst)} % in every cell at strengths 1 and 2; by the weaker decoder ` +
      `${percent(worn)} % on average at strengths 3 and 4 (${percent(badlyWorn)} % at strength 3)`,
  );
  const level = decide(standings);
  const verdict = level === null ? 'No level stands mild wear.' : `Decision: level ${level}.`;
  return `${[...lines, verdict].join('\n')}\n`;
}
