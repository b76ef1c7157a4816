/**
 * What a guard's control card does to a gate, as a pure function: `decideControl(state, card, nowMs)` says what to write,
 * what to show and how the gate is then. `control-desk.ts` does it. Times are monotonic milliseconds.
 */
import type { ControlCode, GateReason } from '../shared/code/code.ts';

import type { ControlAction } from '../shared/control-card.ts';
import { controlKind, visitorKind } from '../shared/control-use.ts';
import type { EntryDraft } from '../shared/entry.ts';
import type { MomentSignal } from '../shared/signal.ts';

/** A direction as a gate may have it. `toggle`: in and out by turns, for each person. */
export type GateDirection = 'in' | 'out' | 'toggle';

/** How guards have set a gate. It outlasts a restart. */
export interface GateControl {
  /** Nobody is taken. */
  readonly closed: boolean;
  /** Instead of the direction that the gate was set up with; null: that one. */
  readonly direction: GateDirection | null;
}

/** A gate that no guard has touched. */
export const untouchedGate: GateControl = Object.freeze({ closed: false, direction: null });

/**
 * A card seen again within this many milliseconds of its last reading is the same showing: a scanner in continuous mode
 * reads a card several times, and must not let several visitors pass.
 */
export const controlRepeatMs = 2_500;

/** A gate's control and the card that was seen last. */
export interface ControlState {
  readonly gate: GateControl;
  readonly last: { readonly card: string; readonly seenMs: number; readonly refusal: GateReason | null } | null;
}

/** The card as the decision needs it. */
export type ControlUse = Pick<ControlCode, 'action' | 'card'>;

/** What is to be written for a use; the rest is that of any entry. */
export type ControlRecord = Pick<EntryDraft, 'outcome' | 'reason' | 'method'> & { readonly kind: string };

/** What follows from a showing. */
export type ControlDecision =
  /** The same showing still: nothing but the light. What was refused is refused again, as a repeat is a yes. */
  | {
      readonly type: 'repeat';
      readonly state: ControlState;
      readonly signal: MomentSignal;
      readonly refusal: GateReason | null;
    }
  /** `state` holds once `record` is on disk, in the same commit; then `signal` is shown. */
  | {
      readonly type: 'record';
      readonly state: ControlState;
      readonly record: ControlRecord;
      readonly signal: MomentSignal;
      readonly refusal: GateReason | null;
    };

/** Decides one showing of a card. Pure. */
export function decideControl({ gate, last }: ControlState, use: ControlUse, nowMs: number): ControlDecision {
  const { action, card } = use;
  if (last?.card === card && nowMs - last.seenMs < controlRepeatMs) {
    const { refusal } = last;
    const signal = action === 'visitor' && refusal === null ? 'repeat' : signalOf(action, refusal);
    return { type: 'repeat', state: { gate, last: { ...last, seenMs: nowMs } }, signal, refusal };
  }
  const refusal = action === 'visitor' && gate.closed ? 'gate-closed' : null;
  return {
    type: 'record',
    state: { gate: changeGate(gate, action), last: { card, seenMs: nowMs, refusal } },
    record: recordOf(action, refusal),
    signal: signalOf(action, refusal),
    refusal,
  };
}

function changeGate(gate: GateControl, action: ControlAction): GateControl {
  switch (action) {
    case 'direction-in':
      return { ...gate, direction: 'in' };
    case 'direction-out':
      return { ...gate, direction: 'out' };
    case 'direction-toggle':
      return { ...gate, direction: 'toggle' };
    case 'direction-default':
      return { ...gate, direction: null };
    case 'close':
      return { ...gate, closed: true };
    case 'open':
      return { ...gate, closed: false };
    case 'visitor':
    case 'test':
      return gate;
  }
}

/** A visitor is a person whom the guard vouches for; everything else is no passage. */
function recordOf(action: ControlAction, refusal: GateReason | null): ControlRecord {
  if (refusal !== null) return { outcome: 'refused', reason: refusal, method: 'manual', kind: visitorKind };
  if (action === 'visitor') return { outcome: 'admitted', reason: 'ok', method: 'manual', kind: visitorKind };
  return { outcome: 'admitted', reason: `control-${action}`, method: 'scan', kind: controlKind };
}

function signalOf(action: ControlAction, refusal: GateReason | null): MomentSignal {
  if (refusal !== null) return 'refused';
  if (action === 'visitor') return 'admitted';
  return action === 'test' ? 'test' : 'changed';
}
