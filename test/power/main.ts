/**
 * Cuts the power with as many seeds as asked, until something is wrong:
 * `node test/power/main.ts [--seeds N] [--from SEED] [--only outbox|gateway]`. Exits 1 at the first failure.
 */
import { parseArgs } from 'node:util';
import { describeError } from '../../shared/fault.ts';
import { seededChance } from '../fakes/seeded-chance.ts';
import { type Custodian, gateway, outbox } from './custody.ts';
import { disasters, type Extent } from './disasters.ts';

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '10' },
    from: { type: 'string', default: '1' },
    only: { type: 'string', default: '' },
  },
});

/** Small and exhaustive, most often; now and then long enough for checkpoints and for logs that begin anew. */
function extentOf(custodian: Custodian, seed: number): Extent {
  const chance = seededChance(seed);
  const upTo = (max: number) => 1 + Math.floor(chance.fraction() * max);
  if (seed % 5 === 0) {
    return {
      life: { sessions: upTo(2), operations: custodian === outbox ? 400 + upTo(400) : 60 + upTo(60) },
      cuts: 200,
    };
  }
  return { life: { sessions: upTo(5), operations: 5 + upTo(15) }, cuts: 400 };
}

async function run(): Promise<boolean> {
  const from = Number(values.from);
  let states = 0;
  for (let seed = from; seed < from + Number(values.seeds); seed++) {
    for (const custodian of [outbox, gateway].filter(({ name }) => values.only === '' || values.only === name)) {
      for (const [title, disaster] of Object.entries(disasters)) {
        try {
          states += await disaster(custodian, seed, extentOf(custodian, seed));
        } catch (error) {
          const replay = `node test/power/main.ts --seeds 1 --from ${seed} --only ${custodian.name}`;
          process.stdout.write(`\nSEED=${seed} ${custodian.name}, ${title}: ${describeError(error)}\n${replay}\n`);
          return false;
        }
      }
    }
    process.stdout.write(`\rseed ${seed}, ${states} states`);
  }
  process.stdout.write('\n');
  return true;
}

process.exitCode = (await run()) ? 0 : 1;
