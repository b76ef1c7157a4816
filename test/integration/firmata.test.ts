import { readdirSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { firmataPinsDefault } from '../../hardware/board/board-setting.ts';
import { FirmataBoard } from '../../hardware/board/firmata.ts';
import { createIndicator } from '../../hardware/indicator/five-indicator.ts';
import { allOff, frameAt, type Outputs, outputNames, patterns, trackMs } from '../../hardware/indicator/signals.ts';
import type { Clock } from '../../shared/ports.ts';
import { momentSignals, stateSignals } from '../../shared/signal.ts';
import { systemClock } from '../../shared/system/clock.ts';
import { describeBoard } from '../contract/board.ts';
import { type AvrArduino, startAvrArduino } from '../fakes/avr-arduino.ts';
import { openPtyPair } from '../fakes/pty.ts';
import { RecordingLog } from '../fakes/recording-log.ts';
import { seededChance } from '../fakes/seeded-chance.ts';
import { VirtualClock } from '../fakes/virtual-clock.ts';

const pins = firmataPinsDefault;
const patience = { timeout: 25_000, interval: 5 };

function openBoard(path: string, log: RecordingLog, clock: Clock = systemClock, boardTimeoutMs = 4000) {
  return new FirmataBoard({ path, pins, clock, chance: seededChance(1), log, boardTimeoutMs });
}

/** The outputs that a set of high pins lights. Pin 13 is the Arduino's own lamp. */
function outputsOf(high: readonly number[]): Outputs {
  return Object.fromEntries(outputNames.map((output) => [output, high.includes(pins[output])])) as Outputs;
}

const until = (check: () => void | Promise<void>) => vi.waitFor(check, patience);
const working = (io: FirmataBoard) => until(() => expect(io.health).toBe('working'));
const lost = (io: FirmataBoard) => until(() => expect(io.health).toBe('lost'));
const openFiles = () => readdirSync('/proc/self/fd').length;

async function openBench() {
  const arduino = await startAvrArduino();
  const io = openBoard(arduino.path, new RecordingLog());
  await working(io);
  return {
    io,
    waitFor: (outputs: Outputs) => until(() => expect(outputsOf(arduino.high)).toEqual(outputs)),
    unplug: arduino.unplug,
    waitForLoss: () => lost(io),
    async replug() {
      await arduino.replug();
      await working(io);
    },
    async [Symbol.asyncDispose]() {
      await io[Symbol.asyncDispose]();
      await arduino[Symbol.asyncDispose]();
    },
  };
}

describeBoard('an Arduino with StandardFirmata', openBench, true);

/** How long one output was on, from the report at `since` on, in milliseconds; null as long as it has not gone off. */
function litMs(arduino: AvrArduino, since: number, output: keyof Outputs): number | null {
  const reports = arduino.reports.slice(since);
  const on = reports.find(({ high }) => high.includes(pins[output]));
  const off = reports.find(({ high, atMs }) => on !== undefined && atMs > on.atMs && !high.includes(pins[output]));
  return on === undefined || off === undefined ? null : off.atMs - on.atMs;
}

describe('an indicator on an Arduino with StandardFirmata', () => {
  let arduino: AvrArduino;
  let log: RecordingLog;
  let io: FirmataBoard;

  beforeEach(async () => {
    arduino = await startAvrArduino();
    log = new RecordingLog();
    io = openBoard(arduino.path, log);
    await working(io);
  });

  afterEach(async () => {
    await io[Symbol.asyncDispose]();
    await arduino[Symbol.asyncDispose]();
  });

  test('moves the pins of the real firmware as the table of signals says, step by step', async () => {
    // Virtual time waits at each step until the pins have moved, however slow the machine that simulates them is.
    const clock = new VirtualClock();
    await using indicator = createIndicator({ io, clock, log });
    let before = outputsOf(arduino.high);
    for (const signal of [...momentSignals, ...stateSignals]) {
      indicator.show(signal);
      // Up to and with the instant at which a moment goes dark and a state begins anew.
      for (let elapsedMs = 0; elapsedMs <= trackMs(patterns[signal].lights); ) {
        const frame = frameAt(signal, elapsedMs);
        const now = frame?.outputs ?? allOff;
        let since = arduino.reports.length;
        await until(() => expect(outputsOf(arduino.high), `${signal} after ${elapsedMs} ms`).toEqual(now));
        // Pins that change together change one after the other; none does anything else meanwhile.
        for (; since < arduino.reports.length; since++) {
          const onTheWay = outputsOf(arduino.reports[since]?.high ?? []);
          for (const output of outputNames) expect([before[output], now[output]]).toContain(onTheWay[output]);
        }
        before = now;
        const stepMs = frame?.untilNextMs ?? 1;
        elapsedMs += stepMs;
        if (elapsedMs <= trackMs(patterns[signal].lights)) await clock.advance(stepMs);
      }
    }
  }, 60_000);

  test('lights the pins of the real firmware as long as the table of signals says', async () => {
    await using indicator = createIndicator({ io, clock: systemClock, log });
    const lengths = [
      ['heard', 'yellow', 1000],
      ['admitted', 'green', 1200],
      ['refused', 'red', 1500],
      ['refused', 'buzzer', 800],
    ] as const;
    for (const [signal, output, durationMs] of lengths) {
      const since = arduino.reports.length;
      indicator.show(signal);
      await until(() => expect(litMs(arduino, since, output)).not.toBeNull());
      const ratio = (litMs(arduino, since, output) ?? 0) / durationMs;
      expect(ratio, `${output} of ${signal}`).toBeGreaterThan(0.7);
      expect(ratio, `${output} of ${signal}`).toBeLessThan(1.4);
    }
  }, 60_000);

  test('lights up again after its reset button was pressed, though the port never closed', async () => {
    io.digitalWrite(outputNames.indexOf('red'), 1);
    await until(() => expect(outputsOf(arduino.high).red).toBe(true));
    arduino.reset();
    await until(() => expect(outputsOf(arduino.high).red).toBe(false));
    await until(() => expect(outputsOf(arduino.high).red).toBe(true));
    expect(log.events).toEqual(['board.found']);
  });

  test('is lost when its firmware hangs, and found again when that goes on', async () => {
    arduino.freeze(true);
    await lost(io);
    io.digitalWrite(outputNames.indexOf('yellow'), 1);
    arduino.freeze(false);
    await working(io);
    await until(() => expect(outputsOf(arduino.high)).toEqual({ ...allOff, yellow: true }));
    expect(log.events).toEqual(['board.found', 'board.lost', 'board.found']);
  }, 60_000);

  test('bounds what waits to be written, and shows the last of it after it came back', async () => {
    for (let write = 0; write < 2001; write++) io.digitalWrite(outputNames.indexOf('green'), write % 2 === 0 ? 1 : 0);
    expect(io.pending).toBeLessThanOrEqual(300);
    await lost(io);
    await working(io);
    await until(() => expect(outputsOf(arduino.high)).toEqual({ ...allOff, green: true }));
  }, 60_000);

  test('survives being pulled out in the middle of a scan, again and again, and leaks nothing', async () => {
    await using indicator = createIndicator({ io, clock: systemClock, log });
    const inUse = () => ({
      files: openFiles(),
      listeners: io.eventNames().map((name) => [name, io.listenerCount(name)]),
    });
    const afterEachRound: ReturnType<typeof inUse>[] = [];
    for (let round = 0; round < 3; round++) {
      indicator.show('heard');
      await arduino.unplug();
      for (let scan = 0; scan < 100; scan++)
        for (const signal of ['heard', 'admitted'] as const) indicator.show(signal);
      await lost(io);
      for (let scan = 0; scan < 100; scan++) for (const signal of ['heard', 'refused'] as const) indicator.show(signal);
      expect(io.pending).toBe(0);
      await arduino.replug();
      await working(io);
      indicator.show('admitted');
      await until(() => expect(outputsOf(arduino.high)).toEqual({ ...allOff, green: true }));
      afterEachRound.push(inUse());
    }
    expect(afterEachRound[2]).toEqual(afterEachRound[0]);
    expect(log.events.filter((event) => event.startsWith('board.'))).toEqual([
      'board.found',
      ...Array.from({ length: 3 }, () => ['board.lost', 'board.found']).flat(),
    ]);
  }, 90_000);

  test('is refused, with its pin named, when it has no such pin', async () => {
    await io[Symbol.asyncDispose]();
    const wrong = { ...pins, buzzer: 99 };
    await using other = new FirmataBoard({
      path: arduino.path,
      pins: wrong,
      clock: systemClock,
      chance: seededChance(1),
      log,
    });
    await lost(other);
    await until(() => expect(log.lines.at(-1)?.fields.error).toContain('no output pin 99 for buzzer'));
  }, 60_000);
});

describe('an Arduino that is not one', () => {
  /** Lets virtual time pass, with real time for the port to open and close in, until `check` holds. */
  const pass = (clock: VirtualClock, check: () => void) =>
    vi.waitFor(async () => {
      await clock.advance(1000);
      check();
    }, patience);

  test.each(['that says nothing', 'that is not plugged in'])(
    'leaves nothing behind however often a port %s is tried',
    async (kind) => {
      await using pty = await openPtyPair();
      if (kind === 'that is not plugged in') await pty.unplug();
      const clock = new VirtualClock();
      const log = new RecordingLog();
      const timeouts = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
      const before = { files: openFiles(), timeouts: timeouts() };
      const io = openBoard(pty.kioskPath, log, clock);
      const startMs = clock.monotonicMs();
      await pass(clock, () => expect(clock.monotonicMs() - startMs).toBeGreaterThan(300_000));
      expect(clock.timers).toBeLessThanOrEqual(2);
      for (const output of outputNames) io.digitalWrite(outputNames.indexOf(output), 1);
      expect(io.pending).toBeLessThanOrEqual(2);
      await io[Symbol.asyncDispose]();
      expect(io.health).toBe('lost');
      expect(log.lines).toMatchObject([{ event: 'board.lost', fields: { fault: 'BOARD_LOST' } }]);
      expect(openFiles()).toBe(before.files);
      expect(timeouts()).toBeLessThan(before.timeouts + 5); // the test runner has a few of its own; each attempt would leave one
      expect(clock.timers).toBe(0);
    },
    60_000,
  );

  test('is disposed at once while it is still waited for', async () => {
    await using pty = await openPtyPair();
    const clock = new VirtualClock();
    const io = openBoard(pty.kioskPath, new RecordingLog(), clock);
    await io[Symbol.asyncDispose]();
    await io[Symbol.asyncDispose]();
    expect(clock.timers).toBe(0);
  });

  test('cannot harm the kiosk with what it sends', async () => {
    await using pty = await openPtyPair();
    const clock = new VirtualClock();
    const log = new RecordingLog();
    await using io = openBoard(pty.kioskPath, log, clock);
    const version = [0xf9, 2, 4];
    const stateOfPinThatIsNotThere = [0xf0, 0x6e, 0x7f, 0, 0, 0xf7];
    // Again and again: what comes before the port is open is lost.
    await until(async () => {
      await pty.write(Uint8Array.from([...version, ...stateOfPinThatIsNotThere]));
      expect(String(log.lines.at(-1)?.fields.error)).toContain('It sends what is not Firmata');
    });
    const chance = seededChance(3);
    for (let burst = 0; burst < 50; burst++) {
      await clock.advance(2000);
      const noise = Array.from(chance.bytes(500), (byte) => (byte < 32 ? 0xf0 : byte < 48 ? 0xf7 : byte));
      await pty.write(Uint8Array.from([...version, ...noise]));
    }
    expect(io.health).toBe('lost');
    expect(log.events).toEqual(['board.lost']);
  }, 60_000);
});
