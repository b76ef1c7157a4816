/**
 * The table that decides the level of printed codes:
 * `npm run print-table -- [--samples 100] [--seed 1] [--levels LMQH] [--only dirtied,folded] [--looks 1] [--sheet FILE.png]`.
 * A table in markdown, the decision, and one JSON line; progress on standard error. Ends with 1 when no level will do.
 * `--looks 3` reads each card from three pictures, one of which must be readable; `--sheet` shows every damage instead.
 */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { systemClock } from '../../shared/system/clock.ts';
import { seededChance } from '../fakes/seeded-chance.ts';
import { drawCardTexts, printCards } from './cards.ts';
import { type Damage, damages, wearAndPhotograph } from './damages.ts';
import { contactSheet, type Grey } from './grey.ts';
import { type Cell, tryCards } from './measure.ts';
import { compareLevels, decide, levels, renderDecision, renderTable } from './table.ts';

interface Plan {
  readonly samples: number;
  readonly seed: number;
  readonly looks: number;
  readonly levels: readonly (typeof levels)[number][];
  readonly damages: readonly Damage[];
  readonly sheet: string | undefined;
}

/** What to do, or what is wrong with the arguments. */
function readArguments(): Plan | string {
  const { values } = parseArgs({
    options: {
      samples: { type: 'string', default: '100' },
      seed: { type: 'string', default: '1' },
      levels: { type: 'string', default: levels.join('') },
      only: { type: 'string', default: damages.map(({ name }) => name).join(',') },
      looks: { type: 'string', default: '1' },
      sheet: { type: 'string' },
    },
  });
  const names = values.only.split(',');
  const unknown = names.filter((name) => !damages.some((damage) => damage.name === name));
  if (unknown.length > 0)
    return `There is no damage ${unknown.join(', ')}: ${damages.map(({ name }) => name).join(', ')}.`;
  const [samples, seed, looks] = [values.samples, values.seed, values.looks].map(Number) as [number, number, number];
  if (![samples, looks].every((count) => Number.isInteger(count) && count >= 1 && count <= 1000))
    return '--samples and --looks are whole numbers from 1 to 1000.';
  if (!Number.isInteger(seed)) return '--seed is a whole number.';
  const chosen = levels.filter((level) => values.levels.includes(level));
  if (chosen.length === 0) return `--levels is some of ${levels.join('')}.`;
  return {
    samples,
    seed,
    looks,
    levels: chosen,
    damages: damages.filter(({ name }) => names.includes(name)),
    sheet: values.sheet,
  };
}

/** Two pictures of every damage in every strength, a row for each damage, at the first of the levels. */
async function drawSheet(plan: Plan, path: string): Promise<void> {
  const views: Grey[] = [];
  const cards = await printCards(drawCardTexts(2, seededChance(plan.seed)), plan.levels[0] ?? 'L');
  for (const { strengths } of plan.damages.filter((damage) => damage.strengths.length > 1)) {
    for (const { wear } of strengths) {
      for (const [index, card] of cards.entries())
        views.push(...(await wearAndPhotograph(card, wear, plan.seed + index, 1)));
    }
  }
  writeFileSync(path, await contactSheet(views, 8, 2));
}

async function measureAll(plan: Plan): Promise<readonly Cell[]> {
  const cells: Cell[] = [];
  const { samples, seed, looks } = plan;
  const texts = drawCardTexts(samples, seededChance(seed)); // the same for every level
  for (const level of plan.levels) {
    const startedMs = systemClock.monotonicMs();
    const cards = { level, texts, papers: await printCards(texts, level) };
    for (const damage of plan.damages) {
      for (let strength = 1; strength <= damage.strengths.length; strength++)
        cells.push(...(await tryCards(cards, { damage, strength, samples, seed, looks })));
    }
    const seconds = Math.round((systemClock.monotonicMs() - startedMs) / 1000);
    process.stderr.write(`level ${level}: ${seconds} s\n`);
  }
  return cells;
}

async function run(plan: Plan): Promise<void> {
  const startedMs = systemClock.monotonicMs();
  if (plan.sheet !== undefined) return drawSheet(plan, plan.sheet);
  const cells = await measureAll(plan);
  const standings = compareLevels(cells);
  const level = decide(standings);
  const misread = cells.reduce((sum, cell) => sum + cell.misread, 0);
  const seconds = Math.round((systemClock.monotonicMs() - startedMs) / 1000);
  const { samples, seed, looks } = plan;
  process.stdout.write(`${renderTable(plan.damages, cells)}\n${renderDecision(standings)}`);
  process.stdout.write(`${samples} samples a cell, seed ${seed}, ${looks} looks, ${misread} misread, ${seconds} s\n`);
  process.stdout.write(
    `${JSON.stringify({ name: 'print', level, samples, seed, looks, misread, seconds, standings })}\n`,
  );
  if (level === null || misread > 0) process.exitCode = 1;
}

const plan = readArguments();
const prerequisites = fileURLToPath(new URL('../prerequisites.ts', import.meta.url));
if (typeof plan === 'string') {
  process.stderr.write(`${plan}\n`);
  process.exitCode = 64;
} else if (spawnSync(process.execPath, [prerequisites], { stdio: 'inherit' }).status !== 0) {
  process.exitCode = 1;
} else {
  await run(plan);
}
