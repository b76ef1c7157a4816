/** Carries out what a guard's card asks: the entry and the gate's new state in one commit, and only then the lights. */

import type { ControlCode } from '../shared/code/code.ts';
import { type BilingualText, refusalTexts } from '../shared/code/refusal-texts.ts';
import { controlTexts } from '../shared/control-texts.ts';
import { type ControlMark, visitorKind } from '../shared/control-use.ts';
import type { Direction, EntryDraft } from '../shared/entry.ts';
import type { Clock, Indicator, Log } from '../shared/ports.ts';
import { type ControlState, decideControl, type GateControl, type GateDirection } from './control.ts';

export interface ControlDeskParts {
  readonly indicator: Pick<Indicator, 'show'>;
  readonly clock: Pick<Clock, 'monotonicMs'>;
  readonly log: Log;
  /** The direction that the gate was set up with. */
  readonly direction: GateDirection;
  /** What every entry of this kiosk begins with. */
  beginEntry(): Pick<EntryDraft, 'id' | 'at' | 'clock' | 'gate'>;
  /** Commits an entry together with the gate; its `seq`, or null where that failed, and was shown. */
  append(draft: EntryDraft, gate: GateControl): number | null;
  /** Somebody without a code was let pass, and that is on disk. */
  onVisitor(direction: Direction): void;
  /** The gate is so from now on. */
  onChanged(gate: { readonly closed: boolean; readonly direction: GateDirection }): void;
}

/** A gate as guards have set it. */
export class ControlDesk {
  readonly #parts: ControlDeskParts;
  #state: ControlState;

  /** @param gate as it was kept. */
  constructor(parts: ControlDeskParts, gate: GateControl) {
    this.#parts = parts;
    this.#state = { gate, last: null };
  }

  /** How guards have set it. */
  get gate(): GateControl {
    return this.#state.gate;
  }

  /** The direction that holds now. */
  get direction(): GateDirection {
    return this.#state.gate.direction ?? this.#parts.direction;
  }

  /** A card was shown. @param sent what came from the scanner, of which only length and mark are ever told. */
  use(code: ControlCode, sent: { readonly text: string; readonly aim: string | null }): void {
    const { clock, indicator, log } = this.#parts;
    const decided = decideControl(this.#state, code, clock.monotonicMs());
    const { state, signal, refusal } = decided;
    const note = noteOf(code, refusal === null ? null : refusalTexts[refusal], sent);
    if (decided.type === 'repeat') {
      this.#state = state;
      indicator.show(signal, note);
      return;
    }
    const { record } = decided;
    const { kind, ...rest } = record;
    const mark: ControlMark = { card: code.card, action: code.action };
    const warnings = code.warnings.length === 0 ? {} : { warnings: [...code.warnings] };
    const draft: EntryDraft = {
      ...this.#parts.beginEntry(),
      // A visitor at a gate that goes by turns is taken to come in: nobody knows whether this one was here before.
      direction: passageDirection(state.gate.direction ?? this.#parts.direction),
      ...rest,
      code: { kind, verified: true, ...warnings },
      subject: null,
      identity: null,
      control: mark,
    };
    const seq = this.#parts.append(draft, state.gate);
    if (seq === null) return;
    this.#state = state;
    if (kind === visitorKind && draft.outcome === 'admitted') this.#parts.onVisitor(draft.direction);
    this.#parts.onChanged({ closed: state.gate.closed, direction: this.direction });
    indicator.show(signal, note);
    log.info('control.used', { id: draft.id, seq, card: code.card, action: code.action, outcome: record.outcome });
    if (code.action === 'test') log.info('scanner.tested', { characters: sent.text.length, aim: sent.aim });
  }
}

function passageDirection(direction: GateDirection): Direction {
  return direction === 'out' ? 'out' : 'in';
}

function noteOf({ action }: ControlCode, refused: BilingualText | null, sent: { text: string; aim: string | null }) {
  if (refused !== null) return refused.vi;
  const name = controlTexts[action].vi;
  return action === 'test' ? `${name}: đọc được ${sent.text.length} ký tự, ${sent.aim ?? 'không dấu'}` : name;
}
