/**
 * `npm run coverage`: how many branches of the rooms that hold the custody rule are taken in tests that run in one process,
 * and each that is not, with the reason. Ends with 1 where a room has less than its limit, or a branch has no reason.
 * Processes that are started, and killed, in other tests are not counted.
 */
import { spawnSync } from 'node:child_process';
import { globSync, readFileSync, rmSync } from 'node:fs';
import { relative } from 'node:path';
import { reasons } from './reasons.ts';

/** Branches that a room must have taken, in per cent. */
const limitPercent = 95;

/** The files of each room. */
const rooms: Readonly<Record<string, readonly string[]>> = {
  station: ['kiosk/station.ts'],
  outbox: ['kiosk/outbox*.ts', 'kiosk/free-space.ts'],
  link: ['kiosk/link*.ts', 'kiosk/gateway-link.ts', 'kiosk/send-window.ts', 'kiosk/state-report.ts', 'kiosk/dial.ts'],
  intake: ['gateway/intake.ts', 'gateway/claimed-place.ts'],
  forwarder: ['gateway/forward*.ts'],
  store: ['gateway/store/*.ts'],
};

const units = ['forwarder', 'intake', 'kiosk', 'link', 'outbox', 'retention', 'station', 'store', 'tracing'];
const tests = [...units.map((room) => `test/unit/${room}`), 'test/contract', 'test/sim/sim.test.ts'];

/** One file as istanbul describes it: for each branch its ways, and how often each was taken. */
interface FileCoverage {
  readonly path: string;
  readonly b: Readonly<Record<string, readonly number[]>>;
  readonly branchMap: Readonly<Record<string, { readonly loc: Place; readonly locations: readonly Partial<Place>[] }>>;
}

interface Place {
  readonly start: { readonly line?: number };
}

/** A way that no test took. */
interface Missed {
  readonly path: string;
  readonly line: number;
  readonly text: string;
}

function measure(files: readonly string[]): readonly FileCoverage[] {
  const include = files.map((path) => `--coverage.include=${path}`);
  const options = ['--coverage', '--coverage.reporter=json', '--reporter=default', ...include];
  const { status } = spawnSync('vitest', ['run', ...options, ...tests], { stdio: 'inherit' });
  if (status !== 0) throw new Error('The tests failed, so nothing was measured.');
  const measured = JSON.parse(readFileSync('coverage/coverage-final.json', 'utf8')) as Record<string, FileCoverage>;
  rmSync('coverage', { recursive: true });
  return Object.values(measured).map((file) => ({ ...file, path: relative('.', file.path) }));
}

function missedIn({ path, b, branchMap }: FileCoverage): readonly Missed[] {
  const source = readFileSync(path, 'utf8').split('\n');
  return Object.entries(b).flatMap(([key, taken]) =>
    taken.flatMap((times, way) => {
      if (times > 0) return [];
      const branch = branchMap[key];
      // An `else` that is not written has no place of its own.
      const line = branch?.locations[way]?.start?.line ?? branch?.loc.start.line ?? 0;
      return [{ path, line, text: source[line - 1]?.trim() ?? '' }];
    }),
  );
}

function reasonOf({ path, text }: Missed): string | undefined {
  return reasons.find((reason) => reason.path === path && text.includes(reason.text))?.why;
}

const inRooms = Object.entries(rooms).map(([room, globs]) => ({ room, files: globSync(globs) }));
const measured = measure(inRooms.flatMap(({ files }) => files));
const lines: string[] = [];
let isShort = false;
for (const { room, files } of inRooms) {
  const ofRoom = measured.filter(({ path }) => files.includes(path));
  const ways = ofRoom.flatMap(({ b }) => Object.values(b).flat()).length;
  const missed = ofRoom.flatMap(missedIn);
  const percent = (100 * (ways - missed.length)) / ways;
  isShort ||= !(percent >= limitPercent);
  lines.push(
    `${room}: ${ways - missed.length} of ${ways} branches, ${percent.toFixed(1)} % (at least ${limitPercent})`,
  );
  for (const one of missed) {
    const reason = reasonOf(one);
    isShort ||= reason === undefined;
    lines.push(`  ${one.path}:${one.line}  ${one.text}`, `      ${reason ?? 'no reason in test/coverage/reasons.ts'}`);
  }
}
process.stdout.write(`\n${lines.join('\n')}\n`);
process.exitCode = isShort ? 1 : 0;
