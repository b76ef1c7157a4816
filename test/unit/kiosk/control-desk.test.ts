import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { controlRepeatMs } from '../../../kiosk/control.ts';
import { Kiosk } from '../../../kiosk/kiosk.ts';
import { type Outbox, openOutbox } from '../../../kiosk/outbox.ts';
import { tenDigits } from '../../../shared/card-number.ts';
import type { Known } from '../../../shared/code/known.ts';
import { refusalTexts } from '../../../shared/code/refusal-texts.ts';
import { controlTexts } from '../../../shared/control-texts.ts';
import { decodeEntry, type Entry } from '../../../shared/entry.ts';
import { createSealer, generateSiteKey, importSiteKey, subjectOf } from '../../../shared/identity.ts';
import { RecordingIndicator } from '../../fakes/recording-indicator.ts';
import { RecordingLog } from '../../fakes/recording-log.ts';
import { ScriptedScanner } from '../../fakes/scripted-scanner.ts';
import { seededChance } from '../../fakes/seeded-chance.ts';
import { communeIssuer, controlCard, foreignIssuer, knownCards } from '../../fakes/signed-cards.ts';
import { VirtualClock } from '../../fakes/virtual-clock.ts';

const person = '001099012345|123456789|Nguyễn Văn A|01011999|Nam|Xã X, Huyện Y, Tỉnh Z|15082021';
const other = '079185000001||Trần Thị B|20071985|Nữ|Phường P|02072024';
const subjectKey = new Uint8Array(32).fill(7);

const [close, open, visitor, out] = (['close', 'open', 'visitor', 'direction-out'] as const).map((action, index) =>
  controlCard(action, index + 1),
) as [string, string, string, string];
const turns = controlCard('direction-toggle', 6);
const asSetUp = controlCard('direction-default', 7);

describe("at a gate with a guard's cards", () => {
  let dir: string;
  let clock: VirtualClock;
  let log: RecordingLog;
  let outbox: Outbox;
  const start = () => openOutbox({ dir, kiosk: 'gate-a', clock, chance: seededChance(1), log });
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'ravao-desk-'));
    clock = new VirtualClock();
    log = new RecordingLog();
    outbox = start();
  });
  afterEach(async () => {
    await outbox[Symbol.asyncDispose]();
    rmSync(dir, { recursive: true });
  });

  const known = (): Known => ({
    nowMs: Date.UTC(2026, 10, 20),
    clockSynced: true,
    cards: knownCards(0, [99]),
    kiosk: 'gate-a',
    certificateSigners: new Map(),
  });

  async function run(texts: readonly string[], changes: { direction?: 'in' | 'toggle'; outbox?: Outbox } = {}) {
    const scanner = new ScriptedScanner();
    const indicator = new RecordingIndicator();
    const site = await generateSiteKey();
    using kiosk = new Kiosk({
      scanner,
      indicator,
      outbox: changes.outbox ?? outbox,
      onRecorded: () => {},
      onStateChanged: () => {},
      gate: 'Cổng A',
      station: { direction: changes.direction ?? 'in', repeatWindowMs: 5000, stayMsMax: 16 * 3_600_000 },
      known,
      subjectKeys: [subjectKey],
      sealer: createSealer(await importSiteKey(site.publicKey)),
      timeSync: { boot: 'boot-1', synced: () => true, [Symbol.dispose]() {} },
      clock,
      chance: seededChance(2),
      log,
    });
    for (const text of texts) scanner.scan(text);
    scanner.end();
    await kiosk.run(new AbortController().signal);
    return {
      state: kiosk.state(),
      shown: indicator.shown.filter((signal) => signal !== 'heard'),
      notes: indicator.notes,
    };
  }

  function entries(): Entry[] {
    return outbox.peek(0, 1000).map(({ body }) => {
      const decoded = decodeEntry(new TextEncoder().encode(body));
      if (!decoded.ok) throw new Error(decoded.problem.detail);
      return decoded.entry;
    });
  }

  it('a visitor passes without a code: an entry of nobody, that names the card', async () => {
    const { shown, notes } = await run([visitor]);
    expect(shown).toEqual(['offline', 'admitted']);
    expect(notes.at(-1)).toBe(controlTexts.visitor.vi);
    expect(entries()).toMatchObject([
      {
        ...{ gate: 'Cổng A', direction: 'in', outcome: 'admitted', reason: 'ok', method: 'manual' },
        ...{ code: { kind: 'visitor', verified: true }, subject: null, identity: null },
        control: { card: tenDigits(3), action: 'visitor' },
      },
    ]);
  });

  it('a card that lies before a scanner in continuous mode is one visitor; taken away and shown again, another', async () => {
    expect((await run([visitor, visitor, visitor])).shown).toEqual(['offline', 'admitted', 'repeat', 'repeat']);
    expect(entries()).toHaveLength(1);
    await clock.advance(controlRepeatMs);
    await run([visitor]);
    expect(entries()).toHaveLength(2);
  });

  it('closing refuses everybody without a trace of who it was, and opening takes the same person at once', async () => {
    const { shown, notes } = await run([person, close, person, other, visitor, open, person]);
    expect(shown).toEqual([
      ...['offline', 'admitted', 'closed', 'changed', 'refused', 'refused', 'refused'],
      ...['offline', 'changed', 'admitted'],
    ]);
    expect(notes).toContain(refusalTexts['gate-closed'].vi);
    expect(notes).toContain(controlTexts.close.vi);
    const made = entries();
    expect(made.map(({ reason }) => reason)).toEqual([
      ...['ok', 'control-close', 'gate-closed', 'gate-closed', 'gate-closed', 'control-open', 'ok'],
    ]);
    const refused = made.filter(({ outcome }) => outcome === 'refused');
    expect(refused.map(({ subject, identity }) => [subject, identity])).toEqual(Array(3).fill([null, null]));
  });

  it('a gate that was closed is closed after a restart, and says so by its light and its state', async () => {
    await run([close]);
    await outbox[Symbol.asyncDispose]();
    outbox = start();
    const { shown, state } = await run([person]);
    expect(shown).toEqual(['closed', 'refused']);
    expect(state.control).toEqual({ closed: true, direction: null });
    await run([open]);
    await outbox[Symbol.asyncDispose]();
    outbox = start();
    expect((await run([person])).shown).toEqual(['offline', 'admitted']);
  });

  it('the direction is that of the card until another card, also after a restart, whatever the gate is set up with', async () => {
    await run([out, person]);
    await outbox[Symbol.asyncDispose]();
    outbox = start();
    const { state } = await run([other, asSetUp]);
    expect(state.control).toEqual({ closed: false, direction: null });
    await clock.advance(10_000);
    await run([person]);
    expect(entries().map(({ reason, direction }) => [reason, direction])).toEqual([
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
    await run([person], { direction: 'toggle' });
    await clock.advance(10_000);
    await run([out, person, turns], { direction: 'toggle' });
    await clock.advance(10_000);
    await run([person], { direction: 'toggle' });
    const passages = entries().filter(({ subject }) => subject === subjectOf(subjectKey, '001099012345'));
    expect(passages.map(({ direction }) => direction)).toEqual(['in', 'out', 'in']);
  });

  it('a test plays all lights and tells how much the scanner sent, and nothing of it', async () => {
    const text = controlCard('test', 5);
    const { shown, notes } = await run([text]);
    expect(shown).toEqual(['offline', 'test']);
    expect(notes.at(-1)).toBe('Thử đèn còi: đọc được 145 ký tự, không dấu');
    expect(entries()).toMatchObject([{ reason: 'control-test', code: { kind: 'control' }, subject: null }]);
    expect(JSON.stringify(log.lines)).not.toContain(text);
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
    expect(entries()[1]).toMatchObject({
      outcome: 'refused',
      reason,
      subject: null,
      code: { kind: 'unknown' },
      control,
    });
  });

  it('when nothing can be written, the gate stays as it was, red says so, and the same card can be tried again at once', async () => {
    let broken = true;
    const { Fault } = await import('../../../shared/fault.ts');
    const flaky: Outbox = Object.assign(Object.create(outbox) as Outbox, {
      append: (...args: Parameters<Outbox['append']>) => {
        if (broken) throw new Fault('OUTBOX_WRITE_FAILED', 'disk I/O error');
        return outbox.append(...args);
      },
    });
    for (const name of ['gate', 'depth', 'level', 'oldestAtMs', 'lastDirection'] as const)
      Object.assign(flaky, { [name]: outbox[name].bind(outbox) });
    const first = await run([close], { outbox: flaky });
    expect(first.shown).toEqual(['offline', 'fault', 'refused']);
    expect(first.state.control).toEqual({ closed: false, direction: null });
    broken = false;
    expect((await run([close], { outbox: flaky })).shown).toEqual(['offline', 'closed', 'changed']);
  });
});
