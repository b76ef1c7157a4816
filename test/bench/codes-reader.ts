/**
 * A program: reads every sample of the corpus again and again as a kiosk does, with a kiosk's V8, and prints for each
 * format the milliseconds of each reading, signatures checked where they can be. Argument: how many rounds.
 */
import { preferMemoryToSpeed } from '../../shared/system/memory.ts';

preferMemoryToSpeed(); // as kiosk/main.ts does, before anything else is loaded
const [{ readCode }, { corpusKnown, readCorpus }] = await Promise.all([
  import('../../shared/code/read-code.ts'),
  import('../corpus/sample.ts'),
]);

const rounds = Number(process.argv[2]);
const known = corpusKnown();
const corpus = readCorpus();
const elapsedMs = Object.fromEntries([...corpus.keys()].map((name): [string, number[]] => [name, []]));
// By turns, as people come, and none read twice in a row.
for (let round = 0; round < rounds; round++) {
  for (const [name, samples] of corpus) {
    for (const { text } of samples) {
      const startedNs = process.hrtime.bigint();
      readCode(text, known);
      elapsedMs[name]?.push(Number(process.hrtime.bigint() - startedNs) / 1e6);
    }
  }
}
process.stdout.write(JSON.stringify(elapsedMs));
