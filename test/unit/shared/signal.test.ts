import { expect, test } from 'vitest';
import { isState, momentSignals, type Signal, stateSignals } from '../../../shared/signal.ts';

test('the signals are those of the design, each either a state or a moment', () => {
  const all: readonly Signal[] = [
    'ready',
    'heard',
    'admitted',
    'repeat',
    'refused',
    'offline',
    'fault',
    'enrolling',
    'closed',
    'changed',
    'test',
  ];
  expect([...stateSignals, ...momentSignals].sort()).toEqual([...all].sort());
  expect(all.filter(isState)).toEqual(['ready', 'offline', 'fault', 'enrolling', 'closed']);
});
