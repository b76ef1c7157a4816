import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { tornBytesMax } from '../../../gateway/upstream/entry-file.ts';
import { createFileUpstream, fileWriteTimeoutMs } from '../../../gateway/upstream/file-upstream.ts';
import type { Delivery, ForwardBatch, Upstream } from '../../../shared/ports.ts';
import { makeEntry } from '../../fakes/entries.ts';
import { RecordingLog } from '../../fakes/recording-log.ts';
import { VirtualClock } from '../../fakes/virtual-clock.ts';

const never = new AbortController().signal;

let dir: string;
let path: string;
let log: RecordingLog;
let clock: VirtualClock;
let upstream: Upstream;

/** The same file, as a gateway that was started again opens it. */
function reopen(): void {
  upstream = createFileUpstream({ name: 'file:./a.ndjson', path, clock, log });
}

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'ravao-file-upstream-'));
  path = join(dir, 'a.ndjson');
  log = new RecordingLog();
  clock = new VirtualClock();
  reopen();
});

afterEach(async () => {
  await upstream[Symbol.asyncDispose]();
  rmSync(dir, { recursive: true, force: true });
});

function batch(from: number, to: number): ForwardBatch {
  const entries = Array.from({ length: to - from + 1 }, (_, index) => {
    const { entry, body } = makeEntry(from + index);
    return { id: entry.id, kiosk: entry.kiosk, at: entry.at, subject: entry.subject, body };
  });
  return { key: `${from}-${to}`, entries };
}

const send = (from: number, to = from): Promise<Delivery> => upstream.send(batch(from, to), never);
const linesOf = (from: number, to = from) =>
  batch(from, to)
    .entries.map(({ body }) => `${body}\n`)
    .join('');
const written = () => readFileSync(path, 'utf8');
const taken = { type: 'taken', rejected: [] };
const alarm = { type: 'later', alarm: true };

describe('a file of entries', () => {
  test('holds one JSON object a line, byte for byte, readable by its owner only', async () => {
    expect(await send(1, 3)).toEqual(taken);
    expect(await send(4)).toEqual(taken);
    expect(written()).toBe(linesOf(1, 4));
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  test('stays one object a line when a foreign client put line ends between its tokens', async () => {
    const { entry } = makeEntry(1);
    const body = JSON.stringify(entry, null, 1).replaceAll('\n', '\r\n');
    await upstream.send(
      { key: 'k', entries: [{ id: entry.id, kiosk: 'gate-a', at: entry.at, subject: null, body }] },
      never,
    );
    expect(written().match(/\n/g)).toHaveLength(1);
    expect(JSON.parse(written())).toEqual(entry);
  });

  test('that was renamed is left alone, and the next batch begins a new one', async () => {
    await send(1);
    renameSync(path, join(dir, 'taken-away.ndjson'));
    await send(2);
    expect(readFileSync(join(dir, 'taken-away.ndjson'), 'utf8')).toBe(linesOf(1));
    expect(written()).toBe(linesOf(2));
  });

  test('whose folder is gone waits with an alarm until it is back, and makes no folder in its place', async () => {
    const stick = join(dir, 'stick');
    path = join(stick, 'a.ndjson');
    reopen();
    expect(await send(1)).toMatchObject({ ...alarm, reason: expect.stringContaining('ENOENT') });
    expect(existsSync(stick)).toBe(false);
    mkdirSync(stick);
    expect(await send(1)).toEqual(taken);
    rmSync(stick, { recursive: true });
    expect(await send(2)).toMatchObject(alarm);
    mkdirSync(stick);
    expect(await send(2)).toEqual(taken);
    expect(written()).toBe(linesOf(2));
  });

  test.each([
    ['/dev/null', 'the path is not a file'],
    ['/dev', expect.stringContaining('EISDIR')],
  ])('that is none (%s) takes nothing', async (other, reason) => {
    path = other;
    reopen();
    expect(await send(1)).toMatchObject({ ...alarm, reason });
  });

  test('that holds something else is not touched', async () => {
    for (const text of ['\u007fELF', 'a list\nof things', '# notes without an end']) {
      writeFileSync(path, text);
      expect(await send(1)).toMatchObject({ ...alarm, reason: 'the file does not hold entries' });
      expect(written()).toBe(text);
    }
  });

  test('a second batch while one hangs is refused until that is done', async () => {
    const first = send(1);
    expect(await send(2)).toMatchObject({ ...alarm, reason: 'an earlier write still hangs' });
    expect(await first).toEqual(taken);
    expect(await send(2)).toEqual(taken);
  });

  test('a write that hangs is given up in time and ends behind', async () => {
    const first = send(1);
    // Virtual time passes before the disk has had a chance.
    await Promise.resolve();
    const advanced = clock.advance(fileWriteTimeoutMs);
    expect(['later', 'taken']).toContain((await first).type);
    await advanced;
    await upstream[Symbol.asyncDispose]();
    expect(written()).toBe(linesOf(1));
  });

  test('a stop ends a send at once', async () => {
    expect(await upstream.send(batch(1, 1), AbortSignal.abort())).toMatchObject({ type: 'later', alarm: false });
    expect(existsSync(path)).toBe(false);
    const stop = new AbortController();
    const sending = upstream.send(batch(1, 1), stop.signal);
    stop.abort();
    expect(await sending).toMatchObject({ type: 'later', alarm: false });
  });
});

describe('after a crash or a power cut', () => {
  test('a torn line, which was never acknowledged, is cut off and whole lines stay', async () => {
    await send(1, 2);
    appendFileSync(path, linesOf(3).slice(0, 50));
    reopen();
    expect(await send(3, 4)).toEqual(taken);
    expect(written()).toBe(linesOf(1, 4));
    expect(log.lines).toEqual([
      { level: 'warn', event: 'upstream.torn-line', fields: { upstream: 'file:./a.ndjson', mended: 'cut', bytes: 50 } },
    ]);
  });

  test('a torn line cut inside a letter of several bytes is cut off', async () => {
    await send(1);
    const torn = Buffer.from(linesOf(2));
    appendFileSync(path, torn.subarray(0, torn.indexOf(Buffer.from('ổ')) + 1));
    reopen();
    await send(2);
    expect(written()).toBe(linesOf(1, 2));
  });

  test('a file that is nothing but a torn line, or NULs where a write was lost, begins anew', async () => {
    for (const rest of [linesOf(1).slice(0, 20), '\0'.repeat(4096), '{']) {
      writeFileSync(path, rest);
      reopen();
      expect(await send(1)).toEqual(taken);
      expect(written()).toBe(linesOf(1));
    }
  });

  test.each([
    ['NULs', (line: Buffer) => line.fill(0, 512, 1024)],
    ['garbage', (line: Buffer) => line.fill(Buffer.from([0xff, 0x0a, 0x41]), 512, 1024)],
  ])(
    'a batch of which a power cut kept some sectors and left %s for others is cut off and written whole',
    async (_, spoil) => {
      await send(1, 2);
      const batchBytes = Buffer.from(linesOf(3, 9));
      spoil(batchBytes);
      appendFileSync(path, batchBytes);
      reopen();
      expect(await send(3, 11)).toEqual(taken);
      expect(written()).toBe(linesOf(1, 11));
      expect(log.lines.map(({ event }) => event)).toEqual(['upstream.torn-line']);
    },
  );

  test('a broken line with whole lines behind it that nobody sends again is not touched', async () => {
    const before = `${linesOf(1)}{"half\n${linesOf(2)}`;
    writeFileSync(path, before);
    expect(await send(3)).toEqual(taken);
    expect(written()).toBe(before + linesOf(3));
  });

  test('what a person wrote at its end is not touched', async () => {
    const before = `${linesOf(1)}# copied on Friday\n`;
    writeFileSync(path, before);
    expect(await send(2)).toEqual(taken);
    expect(written()).toBe(before + linesOf(2));
  });

  test('a whole line that only lacks its end is completed, never cut: it may have been acknowledged', async () => {
    writeFileSync(path, linesOf(1, 2).trimEnd());
    expect(await send(3)).toEqual(taken);
    expect(written()).toBe(linesOf(1, 3));
    expect(log.lines[0]?.fields).toMatchObject({ mended: 'completed' });
  });

  test('an end too long to be a torn line is not touched', async () => {
    const text = linesOf(1) + '{'.padEnd(tornBytesMax + 1, 'x');
    writeFileSync(path, text);
    expect(await send(2)).toMatchObject(alarm);
    expect(statSync(path).size).toBe(Buffer.byteLength(text));
  });

  test('a batch that was written but not marked is recognised, so that no line is there twice', async () => {
    await send(1, 500);
    reopen();
    expect(await send(1, 500)).toEqual(taken);
    expect(await send(501, 700)).toEqual(taken);
    expect(written()).toBe(linesOf(1, 700));
  });

  test('it is also recognised when it comes again in other pieces, or was written in part', async () => {
    await send(1, 4);
    appendFileSync(path, linesOf(5, 6));
    appendFileSync(path, linesOf(7).slice(0, 99));
    reopen();
    for (const [from, to] of [
      [1, 3],
      [4, 5],
      [6, 8],
      [9, 9],
    ] as const)
      expect(await send(from, to)).toEqual(taken);
    expect(written()).toBe(linesOf(1, 9));
  });
});

describe('a disk that is full', () => {
  /** Limits how long any file of this process may get, as a full disk does: the kernel writes a part and then refuses. */
  function limitFiles(bytes: number | 'unlimited'): void {
    execFileSync('prlimit', ['--pid', String(process.pid), `--fsize=${bytes}:`]);
  }

  afterEach(() => limitFiles('unlimited'));

  test('raises the alarm, leaves no half line, and goes on once there is room', async () => {
    await send(1, 2);
    limitFiles(Buffer.byteLength(linesOf(1, 2)) + 1000);
    expect(await send(3, 20)).toMatchObject({ ...alarm, reason: expect.stringContaining('EFBIG') });
    expect(written()).toBe(linesOf(1, 2));
    limitFiles('unlimited');
    expect(await send(3, 20)).toEqual(taken);
    expect(written()).toBe(linesOf(1, 20));
    expect(dirname(path)).toBe(dir);
  });
});
