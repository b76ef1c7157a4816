/**
 * How each signal looks and sounds. A table and the functions that read it: no timers, no board.
 *
 * The lights stand like a traffic light: red at the top, yellow, green at the bottom. Colour never carries a meaning
 * alone: position, rhythm and sound say the same to a colour-blind guard and at a noisy gate. Nothing flashes more than
 * three times a second (WCAG 2.2, 2.3.1). The buzzer is active: it knows on and off, not pitch.
 */
import { isState, type MomentSignal, type Signal, type StateSignal } from '../../shared/signal.ts';

/** The outputs of a board, in the order in which they are listed everywhere. */
export const outputNames = ['red', 'yellow', 'green', 'buzzer'] as const;

export type OutputName = (typeof outputNames)[number];

/** What is on. */
export type Outputs = Readonly<Record<OutputName, boolean>>;

export type Light = Exclude<OutputName, 'buzzer'>;

/** A stretch of a track: what is on (nothing when left out), and for how long in milliseconds. */
export interface LightStep {
  readonly lit: readonly Light[];
  readonly durationMs: number;
}

export interface SoundStep {
  readonly sounding: boolean;
  readonly durationMs: number;
}

/** How one signal plays. Lights and sound are tracks of their own; in a signal that loops, each begins anew by itself. */
export interface Pattern {
  readonly loops: boolean;
  readonly lights: readonly LightStep[];
  /** Empty: silent. */
  readonly sound: readonly SoundStep[];
}

const shortBeep: SoundStep = { sounding: true, durationMs: 100 };
const beepGap: SoundStep = { sounding: false, durationMs: 150 };
const longBeep: SoundStep = { sounding: true, durationMs: 800 };

/** Until the next light of a test. */
const testGap: SoundStep = { sounding: false, durationMs: 900 };

function lit(lights: readonly Light[], durationMs: number): LightStep {
  return { lit: lights, durationMs };
}

function dark(durationMs: number): LightStep {
  return { lit: [], durationMs };
}

/**
 * Every signal. Green means that the entry is on disk, and never lies: it is lit by `admitted` alone, and for a moment by
 * `test`, which a guard's card begins with red.
 */
export const patterns: Readonly<Record<Signal, Pattern>> = {
  /** A brief sign of life. */
  ready: { loops: true, lights: [lit(['yellow'], 100), dark(2900)], sound: [] },
  /** A double sign of life: the gate works, the gateway does not answer. */
  offline: {
    loops: true,
    lights: [lit(['yellow'], 100), dark(250), lit(['yellow'], 100), dark(2550)],
    sound: [],
  },
  /** Red all the time, but for a brief wink that tells it from a lamp that is stuck. */
  closed: { loops: true, lights: [lit(['red'], 2800), dark(200)], sound: [] },
  /** Even red blinking; three short beeps at once and then twice a minute, so that it is heard and still bearable. */
  fault: {
    loops: true,
    lights: [lit(['red'], 500), dark(500)],
    sound: [shortBeep, beepGap, shortBeep, beepGap, shortBeep, { sounding: false, durationMs: 29_400 }],
  },
  enrolling: { loops: true, lights: [lit(['red'], 1000), lit(['yellow'], 1000)], sound: [] },
  /** Read, and nothing more. The answer follows within milliseconds; if it does not, this must not look like one. */
  heard: { loops: false, lights: [lit(['yellow'], 1000)], sound: [] },
  admitted: { loops: false, lights: [lit(['green'], 1200)], sound: [shortBeep] },
  /** The darkness at the end keeps the two blinks apart from those of `offline`. */
  repeat: {
    loops: false,
    lights: [lit(['yellow'], 250), dark(150), lit(['yellow'], 250), dark(450)],
    sound: [shortBeep, { sounding: false, durationMs: 300 }, shortBeep],
  },
  refused: { loops: false, lights: [lit(['red'], 1500)], sound: [longBeep] },
  /** A guard's card was taken, and nobody is to pass for it: two lights at once, which no other signal has. */
  changed: { loops: false, lights: [lit(['red', 'yellow'], 1400)], sound: [shortBeep, beepGap, longBeep] },
  /** Every light by itself, with a beep each. */
  test: {
    loops: false,
    lights: [lit(['red'], 800), dark(200), lit(['yellow'], 800), dark(200), lit(['green'], 800), dark(200)],
    sound: [shortBeep, testGap, shortBeep, testGap, { sounding: true, durationMs: 650 }],
  },
};

/** Everything off. */
export const allOff: Outputs = { red: false, yellow: false, green: false, buzzer: false };

/** What a signal puts out at one instant. */
export interface Frame {
  readonly outputs: Outputs;
  /** Milliseconds until the outputs may change, or the signal is over. */
  readonly untilNextMs: number;
}

/**
 * What `signal` puts out `elapsedMs` milliseconds after it began.
 * @returns null once a moment is over; a state never is.
 */
export function frameAt(signal: Signal, elapsedMs: number): Frame | null {
  const { loops, lights, sound } = patterns[signal];
  const light = stepAt(lights, elapsedMs, loops);
  if (light === null) return null;
  const beep = stepAt(sound, elapsedMs, loops);
  const outputs = {
    red: light.step.lit.includes('red'),
    yellow: light.step.lit.includes('yellow'),
    green: light.step.lit.includes('green'),
    buzzer: beep?.step.sounding ?? false,
  };
  return { outputs, untilNextMs: Math.min(light.leftMs, beep?.leftMs ?? Number.POSITIVE_INFINITY) };
}

/** How long a track plays before it ends or begins anew, in milliseconds. */
export function trackMs(track: readonly { readonly durationMs: number }[]): number {
  return track.reduce((sumMs, step) => sumMs + step.durationMs, 0);
}

function stepAt<Step extends { readonly durationMs: number }>(
  track: readonly Step[],
  elapsedMs: number,
  loops: boolean,
): { readonly step: Step; readonly leftMs: number } | null {
  let leftMs = loops ? elapsedMs % trackMs(track) : elapsedMs;
  for (const step of track) {
    if (leftMs < step.durationMs) return { step, leftMs: step.durationMs - leftMs };
    leftMs -= step.durationMs;
  }
  return null;
}

/** What plays: a state underneath, perhaps a moment over it. Times are of the monotonic clock, in milliseconds. */
export interface Playing {
  /** `sinceMs` is null until the state is seen for the first time, so that a moment does not swallow its first beeps. */
  readonly state: { readonly signal: StateSignal; readonly sinceMs: number | null } | null;
  readonly moment: { readonly signal: MomentSignal; readonly sinceMs: number } | null;
}

/** Before the first signal. */
export const nothingPlays: Playing = { state: null, moment: null };

/**
 * What plays after `signal` is shown. A moment begins at once, whatever plays. A state goes underneath a moment that
 * plays: a person at the gate sees their green to its end even when the network drops just then. A state that is shown
 * again keeps its rhythm: `fault` twice does not beep twice.
 */
export function playSignal(playing: Playing, signal: Signal, nowMs: number): Playing {
  if (!isState(signal)) return { state: playing.state, moment: { signal, sinceMs: nowMs } };
  if (playing.state?.signal === signal) return playing;
  return { state: { signal, sinceMs: null }, moment: playing.moment };
}

/** What is put out at one instant, by which signal, and until when. */
export interface PlayingFrame {
  /** What plays from here on. */
  readonly playing: Playing;
  /** Null before the first signal, and after a moment without a state. */
  readonly signal: Signal | null;
  readonly outputs: Outputs;
  /** Null: nothing changes until the next signal. */
  readonly untilNextMs: number | null;
}

/** The outputs at `nowMs`. A moment that is over gives way to the state, whose rhythm went on underneath. */
export function playingAt(playing: Playing, nowMs: number): PlayingFrame {
  const { moment } = playing;
  if (moment !== null) {
    const frame = frameAt(moment.signal, nowMs - moment.sinceMs);
    if (frame !== null) return { playing, signal: moment.signal, ...frame };
  }
  if (playing.state === null) return { playing: nothingPlays, signal: null, outputs: allOff, untilNextMs: null };
  const { signal, sinceMs } = playing.state;
  const state = { signal, sinceMs: sinceMs ?? nowMs };
  const frame = frameAt(signal, nowMs - state.sinceMs);
  if (frame === null) throw new Error(`the state ${signal} must loop`);
  return { playing: { state, moment: null }, signal, ...frame };
}
