import { PassThrough, Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { lookMs, openScanner } from '../../../hardware/scanner/open-scanner.ts';
import type { Reading } from '../../../shared/ports.ts';
import { RecordingLog } from '../../fakes/recording-log.ts';
import { seededChance } from '../../fakes/seeded-chance.ts';
import { settle, VirtualClock } from '../../fakes/virtual-clock.ts';

let clock: VirtualClock;
let stop: AbortController;
let plugged: string | null;

beforeEach(() => {
  clock = new VirtualClock();
  stop = new AbortController();
  plugged = null;
});

afterEach(async () => {
  stop.abort();
  await settle();
  expect(clock.timers).toBe(0);
});

function open(input: Readable, type: 'auto' | 'stdin' = 'auto') {
  const find = async () => plugged;
  return openScanner({ type }, { clock, chance: seededChance(1), log: new RecordingLog(), input, find });
}

/** What was read so far, as a list that grows. */
function record(readings: AsyncIterable<Reading>): { list: string[]; ended: Promise<void> } {
  const list: string[] = [];
  const run = async () => {
    for await (const reading of readings) {
      if (reading.type === 'frame') list.push(reading.text);
      else if (reading.type === 'found') list.push(`found ${reading.device}`);
      else if (reading.type === 'lost') list.push(`lost ${reading.fault.code}`);
    }
  };
  return { list, ended: run() };
}

const nowhere = '/dev/null/ttyACM0';

describe('stdin', () => {
  it('is read, and its end is the end', async () => {
    plugged = nowhere;
    const scanner = await open(Readable.from(['one\n']), 'stdin');
    expect(scanner.name).toBe('stdin');
    const { list, ended } = record(scanner.readings(stop.signal));
    await ended;
    expect(list).toEqual(['found stdin', 'one']);
  });
});

describe('serial', () => {
  it('is named by its path, and one that is not there is waited for', async () => {
    const scanner = await openScanner(
      { type: 'serial', path: '/dev/ravao-nothing', baudRate: 9600 },
      { clock, chance: seededChance(1), log: new RecordingLog(), input: Readable.from([]) },
    );
    expect(scanner.name).toBe('/dev/ravao-nothing');
    for await (const reading of scanner.readings(stop.signal)) {
      expect(reading).toMatchObject({ type: 'lost', fault: { code: 'SCANNER_NOT_FOUND', retryable: true } });
      stop.abort();
    }
  });
});

describe('auto', () => {
  it('takes a scanner that is plugged in and leaves standard input alone', async () => {
    plugged = nowhere;
    const input = new PassThrough();
    input.write('line\n');
    const scanner = await open(input);
    expect(scanner.name).toBe(nowhere);
    const readings = scanner.readings(stop.signal)[Symbol.asyncIterator]();
    // The path leads nowhere, which is enough to see that it is tried.
    expect((await readings.next()).value.type).toBe('lost');
    await readings.return?.();
    expect(String(input.read())).toBe('line\n');
  });

  it('reads standard input where there is none', async () => {
    const input = new PassThrough();
    const scanner = await open(input);
    expect(scanner.name).toBe('stdin');
    const { list, ended } = record(scanner.readings(stop.signal));
    input.write('one\ntwo\n');
    await settle();
    expect(list).toEqual(['found stdin', 'one', 'two']);
    stop.abort();
    await ended;
  });

  it('goes on looking for a scanner when standard input has ended, as under a service manager', async () => {
    const { list, ended } = record((await open(Readable.from([]))).readings(stop.signal));
    await clock.advance(60_000);
    expect(list).toEqual(['found stdin', 'lost SCANNER_NOT_FOUND']);
    stop.abort();
    await ended;
  });

  it('reads all lines that are piped in, whatever is plugged in meanwhile', async () => {
    const input = new PassThrough();
    const { list, ended } = record((await open(input)).readings(stop.signal));
    plugged = nowhere;
    await clock.advance(10 * lookMs);
    input.end('one\ntwo');
    await settle(20);
    expect(list.slice(0, 3)).toEqual(['found stdin', 'one', 'two']);
    stop.abort();
    await ended;
  });

  it('turns from the terminal to a scanner that is plugged in later', async () => {
    const input = Object.assign(new PassThrough(), { isTTY: true });
    const { list, ended } = record((await open(input)).readings(stop.signal));
    input.write('one\n');
    await clock.advance(10 * lookMs);
    expect(list).toEqual(['found stdin', 'one']);
    plugged = nowhere;
    await clock.advance(lookMs);
    while (list.length < 3) await settle();
    expect(list[2]).toMatch(/^lost/);
    stop.abort();
    await ended;
  });
});
