import { readdirSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { firmataPinsDefault } from '../../hardware/board/board-setting.ts';
import { FirmataBoard } from '../../hardware/board/firmata.ts';
import { createIndicator } from '../../hardware/indicator/five-indicator.ts';
import { allOff, frameAt, type Outputs, outputNames, patterns, trackMs } from '../../hardware/indicator/signals.ts';
import type { Clock } from '../../shared/ports.ts';
import { isState, type Signal } from '../../shared/signal.ts';
import { systemClock } from '../../shared/system/clock.ts';
import { sleep } from '../../shared/time.ts';
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

const until = (check: () => void) => vi.waitFor(check, patience);
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

interface Stretch {
  readonly outputs: Outputs;
  readonly durationMs: number;
}

/** What the table says of one run of a signal, without the last stretch of a moment, whose end is what follows. */
function expectedStretches(signal: Signal): readonly Stretch[] {
  const stretches: Stretch[] = [];
  const totalMs = trackMs(patterns[signal].lights);
  for (let elapsedMs = 0; elapsedMs < totalMs; ) {
    const frame = frameAt(signal, elapsedMs);
    const durationMs = Math.min(frame?.untilNextMs ?? 0, totalMs - elapsedMs);
    stretches.push({ outputs: frame?.outputs ?? allOff, durationMs });
    elapsedMs += durationMs;
  }
  return stretches;
}

/** Two pins that change in one signal change one after the other; what stood for less than this was only on the way. */
const onTheWayMsMax = 20;

/** What was seen on the pins from the report at `since` on, as stretches with their lengths. */
function seenStretches(arduino: AvrArduino, since: number): readonly Stretch[] {
  const stretches: Stretch[] = [];
  for (const [index, report] of arduino.reports.entries()) {
    const next = arduino.reports[index + 1];
    if (index < since || next === undefined || next.atMs - report.atMs < onTheWayMsMax) continue;
    stretches.push({ outputs: outputsOf(report.high), durationMs: next.atMs - report.atMs });
  }
  return stretches;
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

  test('moves the pins of the real firmware as the table of signals says, in order and in time', async () => {
    await using indicator = createIndicator({ io, clock: systemClock, log });
    for (const signal of [
      'heard',
      'admitted',
      'repeat',
      'refused',
      'ready',
      'offline',
      'enrolling',
      'fault',
    ] as const) {
      const since = arduino.reports.length;
      indicator.show(signal);
      const expected = expectedStretches(signal);
      await until(() => expect(seenStretches(arduino, since).length).toBeGreaterThanOrEqual(expected.length - 1));
      // The last stretch of a moment is darkness or what ends with it; of a state it goes on into the next run.
      const seen = seenStretches(arduino, since).slice(0, expected.length - (isState(signal) ? 0 : 1));
      expect(
        seen.map(({ outputs }) => outputs),
        signal,
      ).toEqual(expected.slice(0, seen.length).map(({ outputs }) => outputs));
      for (const [index, { durationMs }] of seen.entries()) {
        const ratio = durationMs / (expected[index]?.durationMs ?? 0);
        expect(ratio, `${signal}, stretch ${index}`).toBeGreaterThan(0.5);
        expect(ratio, `${signal}, stretch ${index}`).toBeLessThan(2);
      }
    }
  }, 60_000);
});
