import { describe, expect, test } from 'vitest';
import { BoardIo } from '../../../hardware/board/board-io.ts';
import { createIndicator } from '../../../hardware/indicator/five-indicator.ts';
import { type OutputName, outputNames } from '../../../hardware/indicator/signals.ts';
import type { Clock } from '../../../shared/ports.ts';
import { momentSignals, type Signal } from '../../../shared/signal.ts';
import { systemClock } from '../../../shared/system/clock.ts';
import { RecordingLog } from '../../fakes/recording-log.ts';
import { seededChance } from '../../fakes/seeded-chance.ts';
import { VirtualClock } from '../../fakes/virtual-clock.ts';

/** A board that keeps what is written to it. */
class MemoryBoard extends BoardIo {
  readonly writes: string[] = [];
  closed = 0;

  constructor() {
    super('memory', new RecordingLog());
    this.found();
  }

  protected put(output: OutputName, on: boolean): void {
    this.writes.push(`${output} ${on ? 'on' : 'off'}`);
  }

  protected async close(): Promise<void> {
    this.closed += 1;
  }
}

function open() {
  const io = new MemoryBoard();
  const clock = new VirtualClock();
  const log = new RecordingLog();
  const indicator = createIndicator({ io, clock, log });
  const lit = () => outputNames.filter((output) => io.isOn(output));
  return { io, clock, log, indicator, lit };
}

describe('an indicator', () => {
  test('has written heard to the board when show returns', () => {
    const { io, indicator } = open();
    indicator.show('heard');
    expect(io.writes).toEqual(['yellow on']);
  });

  test('turns off what is over before it turns on what begins, and writes only what changes', () => {
    const { io, indicator } = open();
    for (const signal of ['heard', 'admitted', 'heard', 'refused'] as const) indicator.show(signal);
    expect(io.writes).toEqual([
      'yellow on',
      ...['yellow off', 'green on', 'buzzer on'],
      ...['green off', 'buzzer off', 'yellow on'],
      ...['yellow off', 'red on', 'buzzer on'],
    ]);
  });

  test('beeps again for each of two people who pass within one green', async () => {
    const { io, clock, indicator } = open();
    for (let person = 0; person < 2; person++) {
      indicator.show('heard');
      indicator.show('admitted');
      await clock.advance(300);
    }
    expect(io.writes.filter((write) => write === 'buzzer on')).toHaveLength(2);
  });

  test('falls back to the state and blinks on, for hours, on one timer', async () => {
    const { io, clock, indicator, lit } = open();
    indicator.show('ready');
    indicator.show('admitted');
    expect(lit()).toEqual(['green', 'buzzer']);
    await clock.advance(1200);
    expect(lit()).toEqual([]); // the state's rhythm went on underneath: its next blink is 3 s after its first
    await clock.advance(1800);
    expect(lit()).toEqual(['yellow']);
    io.writes.length = 0;
    await clock.advance(3_600_000);
    expect(io.writes).toHaveLength(2400);
    expect(clock.timers).toBe(1);
  });

  test('does not restart a state that is shown again and again', async () => {
    const { io, clock, indicator } = open();
    for (let second = 0; second < 29; second++) {
      indicator.show('fault');
      await clock.advance(1000);
    }
    expect(io.writes.filter((write) => write === 'buzzer on')).toHaveLength(3);
  });

  test('is where time says after a timer came late, as when the machine was busy', () => {
    const io = new MemoryBoard();
    let nowMs = 1000;
    let due = () => {};
    const clock: Clock = {
      nowMs: () => nowMs,
      monotonicMs: () => nowMs,
      after(_delayMs, callback) {
        due = callback;
        return { [Symbol.dispose]() {} };
      },
    };
    const indicator = createIndicator({ io, clock, log: new RecordingLog() });
    indicator.show('repeat');
    nowMs += 5000; // the first change was due after 100 ms
    due();
    expect(io.writes).toEqual(['yellow on', 'buzzer on', 'yellow off', 'buzzer off']);
  });

  test('lights green for nobody whose scan was only heard, repeated or refused', async () => {
    const { io, clock, indicator } = open();
    const chance = seededChance(7);
    const others: readonly Signal[] = [
      'heard',
      'repeat',
      'refused',
      'changed',
      'ready',
      'offline',
      'closed',
      'fault',
      'enrolling',
    ];
    for (let step = 0; step < 2000; step++) {
      indicator.show(others[Math.floor(chance.fraction() * others.length)] ?? 'heard');
      await clock.advance(Math.floor(chance.fraction() * 500));
    }
    expect(io.writes).not.toContain('green on');
  });

  test('goes dark, closes its board once and leaves no timer when it is disposed twice in any signal', async () => {
    for (const signal of momentSignals) {
      const { io, clock, indicator, lit } = open();
      indicator.show('fault');
      indicator.show(signal);
      await indicator[Symbol.asyncDispose]();
      await indicator[Symbol.asyncDispose]();
      indicator.show('admitted');
      expect({ lit: lit(), timers: clock.timers, closed: io.closed }).toEqual({ lit: [], timers: 0, closed: 1 });
    }
  });

  test('takes far less than a millisecond to show a signal', () => {
    const { indicator } = open();
    const startMs = systemClock.monotonicMs();
    for (let scan = 0; scan < 5000; scan++) for (const signal of ['heard', 'admitted'] as const) indicator.show(signal);
    expect((systemClock.monotonicMs() - startMs) / 10_000).toBeLessThan(0.5);
  });
});
