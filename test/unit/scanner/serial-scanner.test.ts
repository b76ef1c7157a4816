import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { idleGapMs, readingsQueuedMax } from '../../../hardware/scanner/arrivals.ts';
import { createSerialScanner, openMsMax, watchMs } from '../../../hardware/scanner/serial-scanner.ts';
import type { Clock, Reading } from '../../../shared/ports.ts';
import { RecordingLog } from '../../fakes/recording-log.ts';
import { seededChance } from '../../fakes/seeded-chance.ts';
import { FakeSerialPort } from '../../fakes/serial-line.ts';
import { settle, VirtualClock } from '../../fakes/virtual-clock.ts';

let clock: VirtualClock;
let port: FakeSerialPort;
let log: RecordingLog;
let stop: AbortController;
let path: string | null;
let readings: AsyncIterator<Reading>;

beforeEach(() => {
  clock = new VirtualClock();
  port = new FakeSerialPort();
  log = new RecordingLog();
  stop = new AbortController();
  path = '/dev/ttyACM0';
  readings = start(clock);
});

afterEach(async () => {
  stop.abort();
  await readings.return?.();
  await settle();
  expect(port.open).toBe(0);
  expect(clock.timers).toBe(0);
});

function start(itsClock: Clock): AsyncIterator<Reading> {
  const scanner = createSerialScanner({
    name: 'serial:test',
    find: async () => path,
    baudRate: 9600,
    clock: itsClock,
    chance: seededChance(1),
    log,
    openLine: port.openLine,
  });
  return scanner.readings(stop.signal)[Symbol.asyncIterator]();
}

/** The next reading, in a form that is easy to compare. Time stands still. */
async function soon(): Promise<string> {
  const item = await readings.next();
  return item.done === true ? 'end' : describeReading(item.value);
}

/** The next reading. Time passes as far as it must. */
async function next(limitMs = 60_000): Promise<string> {
  let result: string | null = null;
  const coming = soon().then((described) => {
    result = described;
  });
  await settle();
  for (let waitedMs = 0; result === null && waitedMs < limitMs; waitedMs += 10) await clock.advance(10);
  if (result === null) throw new Error('nothing was read');
  await coming;
  return result;
}

function describeReading(reading: Reading): string {
  switch (reading.type) {
    case 'frame':
      return reading.text;
    case 'found':
      return `found ${reading.device}`;
    case 'lost':
      return `lost ${reading.fault.code}`;
    case 'noise':
      return `noise ${reading.bytes}`;
    case 'discarded':
      return `${reading.reason} ${reading.bytes}`;
  }
}

describe('a serial scanner', () => {
  it('is found, and its codes are read in order', async () => {
    expect(await next()).toBe('found /dev/ttyACM0');
    port.send('one\rtw');
    port.send('o\r\nthree\t');
    expect([await next(), await next(), await next()]).toEqual(['one', 'two', 'three']);
  });

  it('that sends no terminator has its codes told apart by silence', async () => {
    await next();
    port.send('one, in tw');
    await clock.advance(idleGapMs - 1);
    port.send('o pieces');
    await clock.advance(idleGapMs);
    port.send('two');
    await clock.advance(idleGapMs);
    expect([await next(), await next()]).toEqual(['one, in two pieces', 'two']);
  });

  it('that sends no terminator has its codes told apart also while the reader is slow', async () => {
    await next();
    for (const code of ['one', 'two', 'three']) {
      port.send(code);
      await clock.advance(1000);
    }
    expect([await next(), await next(), await next()]).toEqual(['one', 'two', 'three']);
  });

  it('is not taken for silent when the process itself was busy', async () => {
    await next();
    port.send('begun before the sta');
    // Time passes in one leap, as when a slow disk blocks the process: the timer fires late, before the port is read.
    const due = clock.untilNextMs ?? 0;
    const leap = clock.monotonicMs() + due + 500;
    const monotonicMs = clock.monotonicMs.bind(clock);
    clock.monotonicMs = () => Math.max(leap, monotonicMs());
    await clock.advance(due);
    port.send('ll, ended after\r');
    expect(await next()).toBe('begun before the stall, ended after');
  });

  it('is paused when the reader lags far behind, and nothing is dropped', async () => {
    await next();
    const codes = Array.from({ length: readingsQueuedMax }, (_, index) => `code ${index}`);
    for (const code of codes.slice(0, -1)) port.send(`${code}\r`);
    expect(port.paused).toBe(false);
    port.send(`${codes.at(-1)}\rthe beginning of`);
    expect(port.paused).toBe(true);
    // A pause that we made is no silence of the scanner.
    await clock.advance(10 * idleGapMs);
    for (const code of codes) expect(await next()).toBe(code);
    const last = soon();
    await settle();
    expect(port.paused).toBe(false);
    await clock.advance(idleGapMs - 1);
    port.send(' one more');
    await clock.advance(idleGapMs);
    expect(await last).toBe('the beginning of one more');
  });

  it('is heard to be silent also after it was paused', async () => {
    await next();
    port.send(`${'code\r'.repeat(readingsQueuedMax)}last`);
    await clock.advance(10 * idleGapMs);
    for (let count = 0; count < readingsQueuedMax; count++) await next();
    expect(await next(2 * idleGapMs)).toBe('last');
  });
});

describe('a serial scanner that goes away', () => {
  it('is lost once and found once, and no half code is glued to the next', async () => {
    await next();
    port.send('whole\r00109901');
    port.openError = 'Error: No such file or directory, cannot open /dev/ttyACM0';
    port.breakLine();
    expect([await next(), await next(), await next()]).toEqual(['whole', 'noise 8', 'lost SCANNER_LOST']);
    const back = soon();
    await clock.advance(60_000);
    expect(port.attempts).toBeGreaterThan(10);
    port.openError = null;
    await clock.advance(3000);
    expect(await back).toBe('found /dev/ttyACM0');
    port.send('2345|\r');
    expect(await next()).toBe('2345|');
  });

  it('is lost within two seconds also when the driver says nothing', async () => {
    await next();
    port.there = false;
    const began = clock.monotonicMs();
    expect(await next()).toBe('lost SCANNER_LOST');
    expect(clock.monotonicMs() - began).toBeLessThanOrEqual(watchMs);
    expect(port.open).toBe(0);
    port.there = true;
    expect(await next()).toBe('found /dev/ttyACM0');
  });

  it('is looked for anew each time, so it may come back under another path', async () => {
    await next();
    path = null;
    port.breakLine();
    expect(await next()).toBe('lost SCANNER_LOST');
    const back = soon();
    await clock.advance(5000);
    path = '/dev/ttyACM1';
    await clock.advance(3000);
    expect(await back).toBe('found /dev/ttyACM1');
    expect(log.events).toEqual(['scanner.still-lost']);
  });

  it('again and again right after opening is tried less and less often', async () => {
    const began = clock.monotonicMs();
    for (let round = 0; round < 8; round++) {
      expect(await next()).toMatch(/^found/);
      port.breakLine();
      expect(await next()).toMatch(/^lost/);
    }
    expect(clock.monotonicMs() - began).toBeGreaterThan(8000);
  });

  it('after a long time of work is tried again soon', async () => {
    await next();
    for (let round = 0; round < 8; round++) {
      await clock.advance(20_000);
      port.breakLine();
      expect(await next()).toMatch(/^lost/);
      const began = clock.monotonicMs();
      expect(await next()).toMatch(/^found/);
      expect(clock.monotonicMs() - began).toBeLessThanOrEqual(300);
    }
  });
});

describe('a serial scanner that cannot be opened', () => {
  it.each([
    ['Error: No such file or directory, cannot open /dev/ttyACM0', 'SCANNER_NOT_FOUND'],
    ['Error Resource temporarily unavailable Cannot lock port', 'SCANNER_OPEN_FAILED'],
    ['Error: Permission denied, cannot open /dev/ttyACM0', 'SCANNER_OPEN_FAILED'],
    ['Error: Inappropriate ioctl for device setting custom baud rate of 9600', 'SCANNER_OPEN_FAILED'],
  ])('because of "%s" is lost with %s', async (message, code) => {
    port.openError = message;
    expect(await next()).toBe(`lost ${code}`);
  });

  it('says that another program has the port', async () => {
    port.openError = 'Error Resource temporarily unavailable Cannot lock port';
    const { value } = await readings.next();
    expect(value.fault.message).toContain('/dev/ttyACM0 is in use by another program');
  });

  it('is lost with SCANNER_NOT_FOUND where there is none to open, and found when there is', async () => {
    path = null;
    expect(await next()).toBe('lost SCANNER_NOT_FOUND');
    path = '/dev/ttyACM0';
    expect(await next()).toBe('found /dev/ttyACM0');
  });

  it('is lost when opening hangs, is not opened a second time meanwhile, and used when it opens after all', async () => {
    port.hangs = true;
    const began = clock.monotonicMs();
    expect(await next()).toBe('lost SCANNER_OPEN_FAILED');
    expect(clock.monotonicMs() - began).toBeLessThanOrEqual(openMsMax + 10);
    const back = soon();
    await clock.advance(30_000);
    expect(port.attempts).toBe(1);
    port.letOpen();
    expect(await back).toBe('found /dev/ttyACM0');
    port.send('one\r');
    expect(await next()).toBe('one');
  });

  it('is closed at once when it opens after the end', async () => {
    port.hangs = true;
    const coming = readings.next();
    await settle();
    stop.abort();
    expect((await coming).done).toBe(true);
    port.letOpen();
    await settle();
    expect(port.attempts).toBe(1);
    expect(port.open).toBe(0);
  });
});

describe('the end of a serial scanner', () => {
  it.each(['while it waits for a code', 'while it is lost', 'while it is asked for nothing'])(
    'comes at once %s',
    async (when) => {
      await next();
      if (when === 'while it is lost') {
        port.openError = 'Error: No such file or directory';
        port.breakLine();
        await next();
      }
      if (when !== 'while it is asked for nothing') {
        const coming = readings.next();
        await settle();
        stop.abort();
        expect((await coming).done).toBe(true);
      } else {
        port.send('one\r');
        stop.abort();
        expect((await readings.next()).done).toBe(true);
      }
      expect(port.open).toBe(0);
    },
  );

  it('comes when the reader turns away, also at the first reading', async () => {
    await next();
    await readings.return?.();
    expect(port.open).toBe(0);
  });

  it('comes before anything is opened where it was told to stop before', async () => {
    stop.abort();
    expect((await readings.next()).done).toBe(true);
    expect(port.attempts).toBe(0);
  });
});
