import { describe, expect, test } from 'vitest';
import {
  allOff,
  frameAt,
  nothingPlays,
  outputNames,
  patterns,
  playingAt,
  playSignal,
  trackMs,
} from '../../../hardware/indicator/signals.ts';
import { isState, momentSignals, type Signal, stateSignals } from '../../../shared/signal.ts';

const signals: readonly Signal[] = [...stateSignals, ...momentSignals];

/** What is seen, position by position, every 10 ms for 6 s; a moment is followed by darkness. Colour plays no part. */
const seenMs = 6000;
const sampleMs = 10;
function seen(signal: Signal, fromMs = 0): readonly string[] {
  return Array.from({ length: seenMs / sampleMs }, (_, index) => {
    const outputs = frameAt(signal, fromMs + index * sampleMs)?.outputs ?? allOff;
    return [outputs.red, outputs.yellow, outputs.green].map(Number).join('');
  });
}

/** The lengths of the beeps of one run, in milliseconds. */
function beeps(signal: Signal): readonly number[] {
  return patterns[signal].sound.filter((step) => step.sounding).map((step) => step.durationMs);
}

function everyFrame(signal: Signal, untilMs: number) {
  const frames = [];
  for (let elapsedMs = 0; elapsedMs < untilMs; ) {
    const frame = frameAt(signal, elapsedMs);
    if (frame === null) break;
    frames.push({ atMs: elapsedMs, ...frame });
    elapsedMs += frame.untilNextMs;
  }
  return frames;
}

describe('the table of signals', () => {
  test('lights green for admitted alone, steadily for at least a second, with exactly one short beep', () => {
    for (const signal of signals.filter((signal) => !['admitted', 'test'].includes(signal))) {
      expect(everyFrame(signal, 60_000).some(({ outputs }) => outputs.green)).toBe(false);
    }
    expect(patterns.admitted.lights).toEqual([{ lit: ['green'], durationMs: trackMs(patterns.admitted.lights) }]);
    expect(trackMs(patterns.admitted.lights)).toBeGreaterThanOrEqual(1000);
    expect(beeps('admitted')).toEqual([100]);
  });

  test('lights every lamp by itself in a test, green last and for less than admitted does, with a beep each', () => {
    const lamps = everyFrame('test', 10_000).map(({ outputs: { red, yellow, green } }) =>
      [red, yellow, green].map(Number).join(''),
    );
    expect(lamps.filter((lamp, index) => lamp !== '000' && lamp !== lamps[index - 1])).toEqual(['100', '010', '001']);
    const green = patterns.test.lights.find(({ lit }) => lit.includes('green'));
    expect(green?.durationMs).toBeLessThan(trackMs(patterns.admitted.lights));
    expect(beeps('test')).toHaveLength(3);
  });

  test('loops states for ever and ends moments', () => {
    for (const signal of signals) expect(patterns[signal].loops).toBe(isState(signal));
    for (const signal of stateSignals) expect(frameAt(signal, 7 * 86_400_000)).not.toBeNull();
    for (const signal of momentSignals) {
      const totalMs = trackMs(patterns[signal].lights);
      expect(frameAt(signal, totalMs - 1)?.untilNextMs).toBe(1);
      expect(frameAt(signal, totalMs)).toBeNull();
    }
  });

  test('is silent for what happens all day and for what is only heard', () => {
    for (const signal of ['ready', 'offline', 'enrolling', 'heard'] as const) expect(beeps(signal)).toEqual([]);
  });

  test('shows a scan at once: heard begins with steady yellow', () => {
    expect(frameAt('heard', 0)).toEqual({
      outputs: { red: false, yellow: true, green: false, buzzer: false },
      untilNextMs: 1000,
    });
  });

  test('beeps three times at once for a fault and again after half a minute', () => {
    const onsets = everyFrame('fault', 60_000)
      .filter(({ outputs }, index, frames) => outputs.buzzer && frames[index - 1]?.outputs.buzzer !== true)
      .map(({ atMs }) => atMs);
    expect(onsets).toEqual([0, 250, 500, 30_000, 30_250, 30_500]);
  });

  test('lets the sound of a moment end before its light', () => {
    for (const signal of momentSignals) {
      expect(trackMs(patterns[signal].sound)).toBeLessThan(trackMs(patterns[signal].lights));
    }
  });

  test('tells any two signals apart by position and rhythm, were all lights of one colour', () => {
    const differenceMinMs = 150;
    for (const [index, one] of signals.entries()) {
      for (const other of signals.slice(index + 1)) {
        // A state may be looked at from any instant of its loop, so the likest pair of instants counts.
        const shiftsMs = isState(other) ? Array.from({ length: 60 }, (_, step) => step * 50) : [0];
        const differencesMs = shiftsMs.map((shiftMs) => {
          const otherSeen = seen(other, shiftMs);
          return seen(one).filter((lights, sample) => lights !== otherSeen[sample]).length * sampleMs;
        });
        expect(Math.min(...differencesMs), `${one} and ${other}`).toBeGreaterThanOrEqual(differenceMinMs);
      }
    }
  });

  test('tells moments apart by sound alone: none, one short, two short, one long', () => {
    const words = momentSignals.map((signal) =>
      beeps(signal)
        .map((lengthMs) => (lengthMs <= 150 ? 'short' : lengthMs >= 600 ? 'long' : 'in between'))
        .join(' '),
    );
    expect(Object.fromEntries(momentSignals.map((signal, index) => [signal, words[index]]))).toEqual({
      heard: '',
      admitted: 'short',
      repeat: 'short short',
      refused: 'long',
      changed: 'short long',
      test: 'short short long',
    });
  });

  test('never flashes a light more than three times in a second', () => {
    for (const signal of signals) {
      for (const light of ['red', 'yellow', 'green'] as const) {
        const onsets = everyFrame(signal, 10_000)
          .filter(({ outputs }, index, frames) => outputs[light] && frames[index - 1]?.outputs[light] !== true)
          .map(({ atMs }) => atMs);
        for (const atMs of onsets) {
          expect(onsets.filter((other) => other >= atMs && other < atMs + 1000).length).toBeLessThanOrEqual(3);
        }
      }
    }
  });

  test('says exactly when the outputs change next', () => {
    for (const signal of signals) {
      for (const { atMs, outputs, untilNextMs } of everyFrame(signal, 5000)) {
        expect(untilNextMs).toBeGreaterThan(0);
        expect(frameAt(signal, atMs + untilNextMs - 1)?.outputs).toEqual(outputs);
      }
    }
  });
});

describe('what plays', () => {
  const at = (playing: ReturnType<typeof playSignal>, nowMs: number) => playingAt(playing, nowMs).signal;

  test('is nothing, and dark, before the first signal', () => {
    expect(playingAt(nothingPlays, 5)).toEqual({
      playing: nothingPlays,
      signal: null,
      outputs: allOff,
      untilNextMs: null,
    });
  });

  test('is a moment at once, over a state or over another moment', () => {
    let playing = playSignal(nothingPlays, 'ready', 0);
    for (const moment of momentSignals) {
      playing = playSignal(playing, moment, 10);
      expect(at(playing, 10)).toBe(moment);
    }
  });

  test('falls back to the state when the moment is over', () => {
    const playing = playSignal(playSignal(nothingPlays, 'offline', 0), 'admitted', 100);
    expect(at(playing, 1299)).toBe('admitted');
    expect(at(playing, 1300)).toBe('offline');
  });

  test('lets a moment finish when the state changes under it, and begins the new state in full after it', () => {
    let playing = playSignal(playSignal(nothingPlays, 'ready', 0), 'admitted', 100);
    playing = playSignal(playing, 'fault', 200);
    expect(at(playing, 1299)).toBe('admitted');
    const after = playingAt(playing, 1310);
    expect(after.signal).toBe('fault');
    expect(after.outputs).toEqual({ red: true, yellow: false, green: false, buzzer: true });
  });

  test('keeps the rhythm of a state that is shown again, and of one that a moment covered', () => {
    let playing = playingAt(playSignal(nothingPlays, 'fault', 0), 0).playing;
    playing = playSignal(playing, 'fault', 10_000);
    expect(playingAt(playing, 10_000).outputs.buzzer).toBe(false);
    playing = playSignal(playing, 'heard', 10_100);
    expect(playingAt(playing, 11_200).outputs).toEqual({ red: true, yellow: false, green: false, buzzer: false });
  });

  test('has an output of every name in every frame', () => {
    for (const signal of signals) {
      expect(Object.keys(frameAt(signal, 0)?.outputs ?? {})).toEqual([...outputNames]);
    }
  });
});
