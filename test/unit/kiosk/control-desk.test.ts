import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { controlRepeatMs } from '../../../kiosk/control.ts';
import { tenDigits } from '../../../shared/card-number.ts';
import type { Known } from '../../../shared/code/known.ts';
import { refusalTexts } from '../../../shared/code/refusal-texts.ts';
import { controlTexts } from '../../../shared/control-texts.ts';
import type { Direction } from '../../../shared/entry.ts';
import { subjectOf } from '../../../shared/identity.ts';
import { ScriptedGate } from '../../fakes/scripted-gate.ts';
import { communeIssuer, controlCard, foreignIssuer, knownCards } from '../../fakes/signed-cards.ts';
import { idCard, idNumber } from '../../fakes/site.ts';

const person = idCard(1);
const other = idCard(2);

const [close, open, visitor, out] = (['close', 'open', 'visitor', 'direction-out'] as const).map((action, index) =>
  controlCard(action, index + 1),
) as [string, string, string, string];
const turns = controlCard('direction-toggle', 6);
const asSetUp = controlCard('direction-default', 7);

describe("at a gate with a guard's cards", () => {
  let gate: ScriptedGate;
  beforeEach(() => {
    gate = new ScriptedGate();
  });
  afterEach(() => gate[Symbol.asyncDispose]());

  const known = (): Known => ({
    nowMs: Date.UTC(2026, 10, 20),
    clockSynced: true,
    cards: knownCards(0, [99]),
    kiosk: 'gate-a',
    certificateSigners: new Map(),
  });

  /** Shows cards and codes, one after the other; what is `shown` is without that they were heard. */
  async function run(texts: readonly string[], direction: Direction | 'toggle' = 'in') {
    const { kiosk, shown, notes } = await gate.run(texts, { known, station: { direction } });
    return { state: kiosk.state(), shown: shown.filter((signal) => signal !== 'heard'), notes };
  }

  it('a visitor passes without a code: an entry of nobody, that names the card', async () => {
    const { shown, notes } = await run([visitor]);
    expect(shown).toEqual(['offline', 'admitted']);
    expect(notes.at(-1)).toBe(controlTexts.visitor.vi);
    expect(gate.entries()).toMatchObject([
      {
        ...{ gate: 'Cổng A', direction: 'in', outcome: 'admitted', reason: 'ok', method: 'manual' },
        ...{ code: { kind: 'visitor', verified: true }, subject: null, identity: null },
        control: { card: tenDigits(3), action: 'visitor' },
      },
    ]);
  });

  it('a card that lies before a scanner in continuous mode is one visitor; taken away and shown again, another', async () => {
    expect((await run([visitor, visitor, visitor])).shown).toEqual(['offline', 'admitted', 'repeat', 'repeat']);
    expect(gate.entries()).toHaveLength(1);
    await gate.clock.advance(controlRepeatMs);
    await run([visitor]);
    expect(gate.entries()).toHaveLength(2);
  });

  it('closing refuses everybody without a trace of who it was, and opening takes the same person at once', async () => {
    const { shown, notes } = await run([person, close, person, other, visitor, open, person]);
    expect(shown).toEqual([
      ...['offline', 'admitted', 'closed', 'changed', 'refused', 'refused', 'refused'],
      ...['offline', 'changed', 'admitted'],
    ]);
    expect(notes).toContain(refusalTexts['gate-closed'].vi);
    expect(notes).toContain(controlTexts.close.vi);
    const made = gate.entries();
    expect(made.map(({ reason }) => reason)).toEqual([
      ...['ok', 'control-close', 'gate-closed', 'gate-closed', 'gate-closed', 'control-open', 'ok'],
    ]);
    const refused = made.filter(({ outcome }) => outcome === 'refused');
    expect(refused.map(({ subject, identity }) => [subject, identity])).toEqual(Array(3).fill([null, null]));
  });

  it('a gate that was closed is closed after a restart, and says so by its light and its state', async () => {
    await run([close]);
    await gate.restart();
    const { shown, state } = await run([person]);
    expect(shown).toEqual(['closed', 'refused']);
    expect(state.control).toEqual({ closed: true, direction: null });
    await run([open]);
    await gate.restart();
    expect((await run([person])).shown).toEqual(['offline', 'admitted']);
  });

  it('the direction is that of the card until another card, also after a restart, whatever the gate is set up with', async () => {
    await run([out, person]);
    await gate.restart();
    const { state } = await run([other, asSetUp]);
    expect(state.control).toEqual({ closed: false, direction: null });
    await gate.clock.advance(10_000);
    await run([person]);
    expect(gate.entries().map(({ reason, direction }) => [reason, direction])).toEqual([
      ...[
        ['control-direction-out', 'out'],
        ['ok', 'out'],
        ['ok', 'out'],
      ],
      ...[
        ['control-direction-default', 'in'],
        ['ok', 'in'],
      ],
    ]);
  });

  it('a gate that goes by turns remembers who went out while it was set to out', async () => {
    await run([person], 'toggle');
    await gate.clock.advance(10_000);
    await run([out, person, turns], 'toggle');
    await gate.clock.advance(10_000);
    await run([person], 'toggle');
    const passages = gate.entries().filter(({ subject }) => subject === subjectOf(gate.subjectKey, idNumber(1)));
    expect(passages.map(({ direction }) => direction)).toEqual(['in', 'out', 'in']);
  });

  it('a test plays all lights and tells how much the scanner sent, and nothing of it', async () => {
    const text = controlCard('test', 5);
    const { shown, notes } = await run([text]);
    expect(shown).toEqual(['offline', 'test']);
    expect(notes.at(-1)).toBe('Thử đèn còi: đọc được 145 ký tự, không dấu');
    expect(gate.entries()).toMatchObject([{ reason: 'control-test', code: { kind: 'control' }, subject: null }]);
    expect(JSON.stringify(gate.log.lines)).not.toContain(text);
  });

  const nobodys = { card: null, action: null };
  const known8 = { card: tenDigits(8), action: 'open' };
  it.each([
    ['control-forged', controlCard('open', 8).replace(/.$/, (last) => (last === '0' ? '1' : '0')), nobodys],
    ['control-foreign', controlCard('open', 8, {}, foreignIssuer), nobodys],
    ['control-foreign', controlCard('open', 8, {}, communeIssuer), nobodys],
    ['control-expired', controlCard('open', 8, { expiryDay: 100 }), known8],
    ['control-revoked', controlCard('open', 99), { ...known8, card: tenDigits(99) }],
    ['control-elsewhere', controlCard('open', 8, { scope: 'ab'.repeat(8) }), known8],
  ] as const)('one that is %s opens nothing, makes an entry, and holds up nobody', async (reason, text, control) => {
    const { shown, notes } = await run([close, text, open, person]);
    expect(shown).toEqual(['offline', 'closed', 'changed', 'refused', 'offline', 'changed', 'admitted']);
    expect(notes).toContain(refusalTexts[reason].vi);
    expect(gate.entries()[1]).toMatchObject({
      outcome: 'refused',
      reason,
      subject: null,
      code: { kind: 'unknown' },
      control,
    });
  });

  it('when nothing can be written, the gate stays as it was, red says so, and the same card can be tried again at once', async () => {
    gate.diskFails = true;
    const first = await run([close]);
    expect(first.shown).toEqual(['offline', 'fault', 'refused']);
    expect(first.state.control).toEqual({ closed: false, direction: null });
    gate.diskFails = false;
    expect((await run([close])).shown).toEqual(['offline', 'closed', 'changed']);
  });
});
