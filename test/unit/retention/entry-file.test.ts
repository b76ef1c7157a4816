import { appendFileSync, existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { asideEnding, tidyEntryFile } from '../../../gateway/retention/entry-file.ts';
import { tryTurn } from '../../../gateway/store/turn.ts';
import { entryFileLock } from '../../../gateway/upstream/entry-file.ts';
import { createFileUpstream } from '../../../gateway/upstream/file-upstream.ts';
import { systemClock } from '../../../shared/system/clock.ts';
import { makeEntry, uuid } from '../../fakes/entries.ts';
import { RecordingLog } from '../../fakes/recording-log.ts';

let dir: string;
let path: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'ravao-entry-file-'));
  path = join(dir, 'upstream.ndjson');
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const odd = async (lines: readonly Buffer[]) => lines.map((line) => Number(/\d+/.exec(line.toString())?.[0]) % 2 === 1);
const tidy = (judge: (lines: readonly Buffer[]) => Promise<readonly boolean[]> = odd) =>
  tidyEntryFile(path, judge, systemClock);
const lines = (count: number, from = 1) =>
  Array.from({ length: count }, (_, index) => `line ${from + index}\n`).join('');

describe('taking lines out of a file of entries', () => {
  it('leaves the others byte for byte, also what does not end yet', async () => {
    writeFileSync(path, `${lines(4)}\n{"torn": 5`);
    expect(await tidy()).toEqual({ removed: 2, busy: false });
    expect(readFileSync(path, 'utf8')).toBe('line 2\nline 4\n\n{"torn": 5');
    expect(await tidy()).toEqual({ removed: 0, busy: false });
  });

  it('of many pieces, and writes nothing where nothing goes', async () => {
    writeFileSync(path, lines(300_000));
    expect(await tidy()).toEqual({ removed: 150_000, busy: false });
    expect(readFileSync(path, 'utf8').split('\n')).toHaveLength(150_001);
    const before = readFileSync(path);
    expect(await tidy(async (some) => some.map(() => false))).toEqual({ removed: 0, busy: false });
    expect(readFileSync(path).equals(before)).toBe(true);
    expect(existsSync(path + asideEnding)).toBe(false);
  });

  it('keeps what its upstream adds meanwhile, and removes what a killed process left', async () => {
    writeFileSync(path, lines(10));
    writeFileSync(path + asideEnding, 'left behind');
    const judged = await tidy(async (some) => {
      if (some.length === 10) appendFileSync(path, lines(3, 11));
      return odd(some);
    });
    expect(judged).toEqual({ removed: 5, busy: false });
    expect(readFileSync(path, 'utf8')).toBe(`${[2, 4, 6, 8, 10].map((n) => `line ${n}\n`).join('')}${lines(3, 11)}`);
    expect(existsSync(path + asideEnding)).toBe(false);
  });

  it('leaves a file alone that was exchanged meanwhile, and does without one that is not there', async () => {
    expect(await tidy()).toEqual({ removed: 0, busy: false });
    writeFileSync(path, lines(10));
    const exchanged = await tidy(async (some) => {
      renameSync(path, join(dir, 'taken-away.ndjson'));
      writeFileSync(path, 'another\n');
      return odd(some);
    });
    expect(exchanged).toEqual({ removed: 0, busy: true });
    expect(readFileSync(path, 'utf8')).toBe('another\n');
    expect(readFileSync(join(dir, 'taken-away.ndjson'), 'utf8')).toBe(lines(10));
  });
});

describe('an upstream whose file is worked on', () => {
  it('waits its turn, then writes into the new file, and nothing is lost or written twice', async () => {
    const log = new RecordingLog();
    const takeTurn = () => tryTurn(entryFileLock(path));
    await using upstream = createFileUpstream({ name: 'file:./x', path, clock: systemClock, log, takeTurn });
    const batch = (number: number) => {
      const { entry, body } = makeEntry(number);
      return { key: 'k', entries: [{ id: uuid(number), kiosk: 'gate-a', at: entry.at, subject: null, body }] };
    };
    const signal = new AbortController().signal;
    await upstream.send(batch(1), signal);
    {
      using _turn = takeTurn();
      expect(await upstream.send(batch(2), signal)).toMatchObject({ type: 'later', alarm: false });
    }
    const without = async (some: readonly Buffer[]) => some.map((line) => line.includes(uuid(1)));
    expect(await tidy(without)).toEqual({ removed: 1, busy: false });
    for (const number of [2, 3]) expect(await upstream.send(batch(number), signal)).toMatchObject({ type: 'taken' });
    expect(readFileSync(path, 'utf8')).toBe(`${makeEntry(2).body}\n${makeEntry(3).body}\n`);
  });
});
