import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { type ControlState, controlRepeatMs, decideControl, untouchedGate } from '../../../kiosk/control.ts';
import { type ControlAction, controlActions } from '../../../shared/control-card.ts';

const fresh: ControlState = { gate: untouchedGate, last: null };
const closed: ControlState = { gate: { closed: true, direction: 'out' }, last: null };
const card = '0000000012';

function show(state: ControlState, action: ControlAction, nowMs = 0, number = card) {
  return decideControl(state, { action, card: number }, nowMs);
}

describe("a guard's card", () => {
  test.each([
    ['direction-in', { closed: true, direction: 'in' }, 'changed'],
    ['direction-out', { closed: true, direction: 'out' }, 'changed'],
    ['direction-toggle', { closed: true, direction: 'toggle' }, 'changed'],
    ['direction-default', { closed: true, direction: null }, 'changed'],
    ['close', { closed: true, direction: 'out' }, 'changed'],
    ['open', { closed: false, direction: 'out' }, 'changed'],
    ['test', { closed: true, direction: 'out' }, 'test'],
  ] as const)(
    'that says %s at a closed gate makes it %j, is recorded as no person, and shows %s',
    (action, gate, signal) => {
      expect(show(closed, action)).toEqual({
        type: 'record',
        state: { gate, last: { card, seenMs: 0, refusal: null } },
        record: { outcome: 'admitted', reason: `control-${action}`, method: 'scan', kind: 'control' },
        signal,
        refusal: null,
      });
    },
  );

  it('lets a visitor pass who is counted, and changes nothing', () => {
    expect(show(fresh, 'visitor')).toMatchObject({
      state: { gate: untouchedGate },
      record: { outcome: 'admitted', reason: 'ok', method: 'manual', kind: 'visitor' },
      signal: 'admitted',
      refusal: null,
    });
  });

  it('lets no visitor pass a closed gate: green would lie', () => {
    expect(show(closed, 'visitor')).toMatchObject({
      state: { gate: closed.gate },
      record: { outcome: 'refused', reason: 'gate-closed', method: 'manual', kind: 'visitor' },
      signal: 'refused',
      refusal: 'gate-closed',
    });
  });

  it('is one showing as long as it stays before the scanner, and another after it was away', () => {
    let state = show(fresh, 'visitor', 0).state;
    for (const nowMs of [controlRepeatMs - 1, 2 * controlRepeatMs - 2, 3 * controlRepeatMs - 3]) {
      const again = show(state, 'visitor', nowMs);
      expect(again).toMatchObject({ type: 'repeat', signal: 'repeat' });
      state = again.state;
    }
    expect(show(state, 'visitor', 4 * controlRepeatMs - 3).type).toBe('record');
  });

  it('that was refused is refused again as long as it stays there: a repeat is a yes', () => {
    const { state } = show(closed, 'visitor');
    expect(show(state, 'visitor', 1)).toMatchObject({ type: 'repeat', signal: 'refused', refusal: 'gate-closed' });
    const { state: opened } = show(state, 'open', 2, '0000000024');
    expect(show(opened, 'visitor', 3)).toMatchObject({ type: 'record', signal: 'admitted' });
  });

  it.each(['close', 'test'] as const)('that says %s shows the same again, which then plays to its end', (action) => {
    const { state, ...first } = show(fresh, action);
    expect(show(state, action, 1)).toMatchObject({ type: 'repeat', signal: first.type === 'record' && first.signal });
  });

  it('is told from another card shown right after it', () => {
    const { state } = show(fresh, 'visitor', 0);
    expect(show(state, 'visitor', 1, '0000000024').type).toBe('record');
  });

  it('lights green for a visitor alone, and leaves open only what a card has opened', () => {
    const showing = fc.record({
      action: fc.constantFrom(...controlActions),
      number: fc.constantFrom('1', '2', '3'),
      afterMs: fc.nat(2 * controlRepeatMs),
    });
    fc.assert(
      fc.property(fc.array(showing, { maxLength: 30 }), (showings) => {
        let state = fresh;
        let nowMs = 0;
        let isClosed = false;
        for (const { action, number, afterMs } of showings) {
          nowMs += afterMs;
          const decided = show(state, action, nowMs, number);
          state = decided.state;
          if (decided.type === 'repeat') continue;
          if (action === 'close') isClosed = true;
          if (action === 'open') isClosed = false;
          expect(state.gate.closed).toBe(isClosed);
          expect(decided.signal === 'admitted').toBe(action === 'visitor' && !isClosed);
          expect(decided.record.kind === 'visitor').toBe(action === 'visitor');
        }
      }),
    );
  });
});
