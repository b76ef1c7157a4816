/**
 * `npm run bench [-- --only scan,ingest] [--long] [--scale 0.1]`: a table, then one JSON line each. Exits 1 when a limit
 * is not kept. Nothing else should run on the machine meanwhile.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { benchCodes } from './codes.ts';
import { benchForwarding } from './forwarding.ts';
import { benchGrowth } from './growth.ts';
import { benchIngest } from './ingest.ts';
import { benchMemory } from './memory.ts';
import { describeMachine, renderJson, renderTable } from './report.ts';
import type { Bench, BenchResult } from './result.ts';
import { benchRules } from './rules.ts';
import { benchScan } from './scan.ts';
import { benchSlowDisk } from './slow-disk.ts';
import { benchStart } from './start.ts';
import { benchTracing } from './tracing.ts';

const benches: Readonly<Record<string, Bench>> = {
  scan: benchScan,
  codes: benchCodes,
  ingest: benchIngest,
  'slow-disk': benchSlowDisk,
  forwarding: benchForwarding,
  memory: benchMemory,
  start: benchStart,
  rules: benchRules,
  tracing: benchTracing,
};

/** Takes many minutes, so it is asked for. */
const longBenches: Readonly<Record<string, Bench>> = { growth: benchGrowth };

/** What to run, or what is wrong with the arguments. */
function readArguments() {
  const { values } = parseArgs({
    options: {
      only: { type: 'string', default: '' },
      long: { type: 'boolean', default: false },
      scale: { type: 'string', default: '1' },
    },
  });
  const available = { ...benches, ...longBenches };
  const named = values.only.split(',').filter((name) => name !== '');
  const unknown = named.filter((name) => !Object.hasOwn(available, name));
  if (unknown.length > 0)
    return `There is no benchmark ${unknown.join(', ')}; there are ${Object.keys(available).join(', ')}.`;
  const chosen = named.length > 0 ? named : Object.keys(values.long ? available : benches);
  const scale = Number(values.scale);
  if (!(scale > 0 && scale <= 1)) return '--scale is a share of the full size, above 0 and at most 1.';
  return { chosen: Object.entries(available).filter(([name]) => chosen.includes(name)), scale, long: values.long };
}

async function runAll(): Promise<boolean> {
  const typed = readArguments();
  if (typeof typed === 'string') {
    process.stderr.write(`${typed}\n`);
    return false;
  }
  const { chosen, scale, long } = typed;
  const prerequisites = fileURLToPath(new URL('../prerequisites.ts', import.meta.url));
  if (spawnSync(process.execPath, [prerequisites, 'bench'], { stdio: 'inherit' }).status !== 0) return false;
  const progress = (text: string) => void process.stderr.write(`${text}\n`);
  const results: BenchResult[] = [];
  for (const [name, bench] of chosen) {
    progress(`${name}:`);
    results.push(await bench({ scale, long, progress }));
  }
  const note = scale === 1 ? '' : ` TRIAL at ${scale} of the full size.`;
  process.stdout.write(`\n${describeMachine()}.${note}\n${renderTable(results)}\n${renderJson(results)}`);
  return results.every(({ passed }) => passed);
}

if (!(await runAll())) process.exitCode = 1;
