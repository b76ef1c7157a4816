/** What the lights can say. How each looks and sounds is decided in `hardware/indicator/signals.ts`. */

/** Signals that stay until the next of them: how the kiosk is. */
export const stateSignals = ['ready', 'offline', 'closed', 'fault', 'enrolling'] as const;

/** Signals that play to their end: what became of one scan, or of a guard's card. */
export const momentSignals = ['heard', 'admitted', 'repeat', 'refused', 'changed', 'test'] as const;

export type StateSignal = (typeof stateSignals)[number];
export type MomentSignal = (typeof momentSignals)[number];
export type Signal = StateSignal | MomentSignal;

/** Whether a signal is a state that stays, rather than a moment that passes. */
export function isState(signal: Signal): signal is StateSignal {
  return (stateSignals as readonly Signal[]).includes(signal);
}
