import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { refusalTexts } from '../../../shared/code/refusal-texts.ts';
import { Fault } from '../../../shared/fault.ts';
import { createSealer, generateSiteKey, importSiteKey, openIdentity, subjectOf } from '../../../shared/identity.ts';
import { ScriptedGate } from '../../fakes/scripted-gate.ts';
import { idCard, idNumber } from '../../fakes/site.ts';

const card = idCard(1);
const otherCard = '079185000001||Trần Thị B|20071985|Nữ|Phường P|02072024';

describe('a kiosk', () => {
  let gate: ScriptedGate;
  beforeEach(() => {
    gate = new ScriptedGate();
  });
  afterEach(() => gate[Symbol.asyncDispose]());

  it('shows heard before anything is written and admitted only when the entry is committed', async () => {
    const { shown, committed } = await gate.run([card]);
    expect(shown).toEqual(['offline', 'heard', 'admitted']);
    expect(committed).toEqual([0, 0, 1]);
  });

  it('writes an entry whose identity only the site can read', async () => {
    const { publicKey, privateKey } = await generateSiteKey();
    await gate.run([card], { sealer: createSealer(await importSiteKey(publicKey)) });
    const [entry] = gate.entries();
    expect(entry).toMatchObject({
      kiosk: 'gate-a',
      seq: 1,
      at: new Date(gate.clock.nowMs()).toISOString(),
      clock: { synced: true, boot: 'boot-1', monotonicMs: gate.clock.monotonicMs() },
      gate: 'Cổng A',
      direction: 'in',
      outcome: 'admitted',
      reason: 'ok',
      method: 'scan',
      code: { kind: 'cccd', verified: false },
      subject: subjectOf(gate.subjectKey, idNumber(1)),
    });
    expect(JSON.stringify(entry)).not.toMatch(new RegExp(`${idNumber(1)}|Nguyễn`));
    if (!entry?.identity) throw new Error('no identity');
    await expect(openIdentity(privateKey, entry.identity, entry.id)).resolves.toMatchObject({
      name: 'Nguyễn Văn A',
      number: idNumber(1),
      birthYear: 1999,
    });
  });

  it('does not take a bare number for the person whose number it is', async () => {
    const after = await gate.run([card, idNumber(1)]);
    expect(after.shown).toEqual(['offline', 'heard', 'admitted', 'heard', 'refused']);
    const before = await gate.run([idNumber(1), card]);
    expect(before.shown).toEqual(['offline', 'heard', 'refused', 'heard', 'admitted']);
  });

  it('handles every scan in order when many arrive at once', async () => {
    const people = Array.from({ length: 50 }, (_, n) => n + 1);
    const { shown } = await gate.run(people.map(idCard));
    expect(gate.entries().map(({ seq, subject }) => [seq, subject])).toEqual(
      people.map((n) => [n, subjectOf(gate.subjectKey, idNumber(n))]),
    );
    expect(shown.filter((signal) => signal === 'admitted')).toHaveLength(50);
  });

  it('records what is no personal code as refused, without keeping what it said', async () => {
    const { shown } = await gate.run(['https://example.org/secret-words']);
    expect(shown).toEqual(['offline', 'heard', 'refused']);
    expect(gate.entries()).toMatchObject([
      { outcome: 'refused', reason: 'web-address', subject: null, identity: null, code: { kind: 'unknown' } },
    ]);
    expect(JSON.stringify([gate.entries(), gate.log.lines])).not.toContain('secret-words');
  });

  it('says in Vietnamese why it refuses, and nothing else', async () => {
    const { shown, notes } = await gate.run([card, 'WIFI:S:x;;', 'WIFI:S:x;;', otherCard]);
    expect(shown).toEqual([
      'offline',
      ...['heard', 'admitted'],
      ...['heard', 'refused'],
      'heard',
      'refused',
      'heard',
      'admitted',
    ]);
    const wifi = refusalTexts['wifi-code'].vi;
    expect(notes).toEqual([null, null, null, null, wifi, null, wifi, null, null]);
  });

  it('gives one subject to the ID card and the full national code of one person', async () => {
    const personal = `${idNumber(1)}|NGUYEN VAN A|1999-01-01|0|162900000000000000|`;
    const { shown } = await gate.run([card, personal]);
    expect(shown).toEqual(['offline', 'heard', 'admitted', 'heard', 'repeat']);
  });

  it('says of a frame that is not UTF-8 that the scanner is to be set up, and goes on', async () => {
    const { shown } = await gate.run([
      { type: 'discarded', reason: 'undecodable', bytes: 90, digest: 'd1' },
      { type: 'discarded', reason: 'overlong', bytes: 12_001, digest: 'd2' },
      { type: 'noise', bytes: 3 },
      card,
    ]);
    expect(gate.entries().map(({ reason }) => reason)).toEqual(['scanner-not-utf8', 'code-too-long', 'ok']);
    expect(shown).toEqual(['offline', 'heard', 'refused', 'heard', 'refused', 'heard', 'admitted']);
  });

  it('remembers on a toggle gate who is inside, also across a restart', async () => {
    const station = { direction: 'toggle' } as const;
    await gate.run([card], { station });
    await gate.clock.advance(60_000);
    await gate.restart();
    await gate.run([card, otherCard], { station });
    expect(gate.entries().map(({ direction }) => direction)).toEqual(['in', 'out', 'in']);
  });

  it('refuses visibly while nothing can be written, and admits again when it can', async () => {
    gate.diskFails = true;
    const first = await gate.run([card]);
    expect(first.shown).toEqual(['offline', 'heard', 'fault', 'refused']);
    expect(first.notes.at(-1)).toBe(refusalTexts.unrecorded.vi);
    expect(gate.outbox.depth()).toBe(0);
    gate.diskFails = false;
    const second = await gate.run([card]);
    expect(second.shown).toEqual(['offline', 'heard', 'admitted']);
  });

  it('shows fault while the scanner is gone and says so of itself', async () => {
    const { shown, kiosk } = await gate.run([
      { type: 'lost', fault: new Fault('SCANNER_LOST', 'the device is gone') },
      { type: 'found', device: 'tty' },
    ]);
    expect(shown).toEqual(['offline', 'fault', 'offline']);
    expect(kiosk.state()).toMatchObject({ scanner: 'ended', board: 'working', outbox: { depth: 0, oldestMs: null } });
  });

  it('says that it is ready once the gateway answers', async () => {
    const { kiosk, shown } = await gate.run([]);
    kiosk.linkChanged('online');
    kiosk.linkChanged('offline');
    expect(shown).toEqual(['offline', 'ready', 'offline']);
  });
});
