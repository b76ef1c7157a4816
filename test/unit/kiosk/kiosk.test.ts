import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Kiosk } from '../../../kiosk/kiosk.ts';
import { type Outbox, openOutbox } from '../../../kiosk/outbox.ts';
import { nothingKnown } from '../../../shared/code/known.ts';
import { refusalTexts } from '../../../shared/code/refusal-texts.ts';
import { decodeEntry, type Entry } from '../../../shared/entry.ts';
import { Fault } from '../../../shared/fault.ts';
import { createSealer, generateSiteKey, importSiteKey, openIdentity, subjectOf } from '../../../shared/identity.ts';
import { RecordingIndicator } from '../../fakes/recording-indicator.ts';
import { RecordingLog } from '../../fakes/recording-log.ts';
import { ScriptedScanner } from '../../fakes/scripted-scanner.ts';
import { seededChance } from '../../fakes/seeded-chance.ts';
import { VirtualClock } from '../../fakes/virtual-clock.ts';

const idCard = '001099012345|123456789|Nguyễn Văn A|01011999|Nam|Xã X, Huyện Y, Tỉnh Z|15082021';
const otherCard = '079185000001||Trần Thị B|20071985|Nữ|Phường P|02072024';
const subjectKey = new Uint8Array(32).fill(7);

function scanAll(scanner: ScriptedScanner, ...texts: readonly string[]): void {
  for (const text of texts) scanner.scan(text);
}

describe('a kiosk', () => {
  let dir: string;
  let clock: VirtualClock;
  let log: RecordingLog;
  let outbox: Outbox;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'ravao-kiosk-'));
    clock = new VirtualClock();
    log = new RecordingLog();
    outbox = openOutbox({ dir, kiosk: 'gate-a', clock, chance: seededChance(1), log });
  });
  afterEach(async () => {
    await outbox[Symbol.asyncDispose]();
    rmSync(dir, { recursive: true });
  });

  /** Runs a kiosk over a script to its end. */
  async function run(
    script: (scanner: ScriptedScanner) => void,
    changes: { direction?: 'in' | 'out' | 'toggle'; outbox?: Outbox } = {},
  ) {
    const scanner = new ScriptedScanner();
    const committedAtShow: number[] = [];
    const indicator = new RecordingIndicator(() => committedAtShow.push(outbox.depth()));
    const site = await generateSiteKey();
    using kiosk = new Kiosk({
      scanner,
      indicator,
      outbox: changes.outbox ?? outbox,
      onRecorded: () => {},
      onStateChanged: () => {},
      gate: 'Cổng A',
      station: { direction: changes.direction ?? 'in', repeatWindowMs: 5000, stayMsMax: 16 * 3_600_000 },
      known: () => nothingKnown,
      subjectKeys: [subjectKey],
      sealer: createSealer(await importSiteKey(site.publicKey)),
      timeSync: { boot: 'boot-1', synced: () => true, [Symbol.dispose]() {} },
      clock,
      chance: seededChance(2),
      log,
    });
    script(scanner);
    scanner.end();
    await kiosk.run(new AbortController().signal);
    return { kiosk, shown: indicator.shown, notes: indicator.notes, committedAtShow, privateKey: site.privateKey };
  }

  function entries(): Entry[] {
    return outbox.peek(0, 1000).map(({ body }) => {
      const decoded = decodeEntry(new TextEncoder().encode(body));
      if (!decoded.ok) throw new Error(decoded.problem.detail);
      return decoded.entry;
    });
  }

  it('shows heard before anything is written and admitted only when the entry is committed', async () => {
    const { shown, committedAtShow } = await run((scanner) => scanner.scan(idCard));
    expect(shown).toEqual(['offline', 'heard', 'admitted']);
    expect(committedAtShow).toEqual([0, 0, 1]);
  });

  it('writes an entry whose identity only the site can read', async () => {
    const { privateKey } = await run((scanner) => scanner.scan(idCard));
    const [entry] = entries();
    expect(entry).toMatchObject({
      kiosk: 'gate-a',
      seq: 1,
      at: new Date(clock.nowMs()).toISOString(),
      clock: { synced: true, boot: 'boot-1', monotonicMs: clock.monotonicMs() },
      gate: 'Cổng A',
      direction: 'in',
      outcome: 'admitted',
      reason: 'ok',
      method: 'scan',
      code: { kind: 'cccd', verified: false },
      subject: subjectOf(subjectKey, '001099012345'),
    });
    expect(JSON.stringify(entry)).not.toMatch(/001099012345|Nguyễn/);
    if (!entry?.identity) throw new Error('no identity');
    await expect(openIdentity(privateKey, entry.identity, entry.id)).resolves.toMatchObject({
      name: 'Nguyễn Văn A',
      number: '001099012345',
      birthYear: 1999,
    });
  });

  it('does not take a bare number for the person whose number it is', async () => {
    const number = idCard.slice(0, 12);
    const after = await run((scanner) => scanAll(scanner, idCard, number));
    expect(after.shown).toEqual(['offline', 'heard', 'admitted', 'heard', 'refused']);
    const before = await run((scanner) => scanAll(scanner, number, idCard));
    expect(before.shown).toEqual(['offline', 'heard', 'refused', 'heard', 'admitted']);
  });

  it('handles every scan in order when many arrive at once', async () => {
    const { shown } = await run((scanner) => {
      for (let n = 0; n < 50; n++)
        scanner.scan(`0010990${String(n).padStart(5, '0')}||Nguyễn Văn A|01011999|Nam||15082021`);
    });
    expect(entries().map(({ seq }) => seq)).toEqual(Array.from({ length: 50 }, (_, n) => n + 1));
    expect(entries().map(({ subject }) => subject)).toEqual(
      Array.from({ length: 50 }, (_, n) => subjectOf(subjectKey, `0010990${String(n).padStart(5, '0')}`)),
    );
    expect(shown.filter((signal) => signal === 'admitted')).toHaveLength(50);
  });

  it('records what is no personal code as refused, without keeping what it said', async () => {
    const { shown } = await run((scanner) => scanner.scan('https://example.org/secret-words'));
    expect(shown).toEqual(['offline', 'heard', 'refused']);
    expect(entries()).toMatchObject([
      { outcome: 'refused', reason: 'web-address', subject: null, identity: null, code: { kind: 'unknown' } },
    ]);
    expect(JSON.stringify([entries(), log.lines])).not.toContain('secret-words');
  });

  it('says in Vietnamese why it refuses, and nothing else', async () => {
    const { shown, notes } = await run((scanner) => scanAll(scanner, idCard, 'WIFI:S:x;;', 'WIFI:S:x;;', otherCard));
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
    const personal = '001099012345|NGUYEN VAN A|1999-01-01|0|162900000000000000|';
    const { shown } = await run((scanner) => scanAll(scanner, idCard, personal));
    expect(shown).toEqual(['offline', 'heard', 'admitted', 'heard', 'repeat']);
  });

  it('says of a frame that is not UTF-8 that the scanner is to be set up, and goes on', async () => {
    const { shown } = await run((scanner) => {
      scanner.read({ type: 'discarded', reason: 'undecodable', bytes: 90, digest: 'd1' });
      scanner.read({ type: 'discarded', reason: 'overlong', bytes: 12_001, digest: 'd2' });
      scanner.read({ type: 'noise', bytes: 3 });
      scanner.scan(idCard);
    });
    expect(entries().map(({ reason }) => reason)).toEqual(['scanner-not-utf8', 'code-too-long', 'ok']);
    expect(shown).toEqual(['offline', 'heard', 'refused', 'heard', 'refused', 'heard', 'admitted']);
  });

  it('remembers on a toggle gate who is inside, also across a restart', async () => {
    await run((scanner) => scanner.scan(idCard), { direction: 'toggle' });
    await clock.advance(60_000);
    await run(
      (scanner) => {
        scanner.scan(idCard);
        scanner.scan(otherCard);
      },
      { direction: 'toggle' },
    );
    expect(entries().map(({ direction }) => direction)).toEqual(['in', 'out', 'in']);
  });

  it('refuses visibly while nothing can be written, and admits again when it can', async () => {
    let broken = true;
    const flaky: Outbox = {
      ...bound(outbox),
      append: (draft, presence) => {
        if (broken) throw new Fault('OUTBOX_WRITE_FAILED', 'disk I/O error');
        return outbox.append(draft, presence);
      },
    };
    const first = await run((scanner) => scanner.scan(idCard), { outbox: flaky });
    expect(first.shown).toEqual(['offline', 'heard', 'fault', 'refused']);
    expect(first.notes.at(-1)).toBe(refusalTexts.unrecorded.vi);
    expect(outbox.depth()).toBe(0);
    broken = false;
    const second = await run((scanner) => scanner.scan(idCard), { outbox: flaky });
    expect(second.shown).toEqual(['offline', 'heard', 'admitted']);
  });

  it('shows fault while the scanner is gone and says so of itself', async () => {
    const { shown, kiosk } = await run((scanner) => {
      scanner.read({ type: 'lost', fault: new Fault('SCANNER_LOST', 'the device is gone') });
      scanner.read({ type: 'found', device: 'tty' });
    });
    expect(shown).toEqual(['offline', 'fault', 'offline']);
    expect(kiosk.state()).toMatchObject({ scanner: 'ended', board: 'working', outbox: { depth: 0, oldestMs: null } });
  });

  it('says that it is ready once the gateway answers', async () => {
    const { kiosk, shown } = await run(() => {});
    kiosk.linkChanged('online');
    kiosk.linkChanged('offline');
    expect(shown).toEqual(['offline', 'ready', 'offline']);
  });
});

/** The outbox's methods as plain properties, so that a test can replace one. */
function bound(outbox: Outbox): Outbox {
  return {
    epoch: outbox.epoch,
    entriesMax: outbox.entriesMax,
    append: outbox.append.bind(outbox),
    gate: outbox.gate.bind(outbox),
    lastDirection: outbox.lastDirection.bind(outbox),
    peek: outbox.peek.bind(outbox),
    forget: outbox.forget.bind(outbox),
    depth: outbox.depth.bind(outbox),
    oldestAtMs: outbox.oldestAtMs.bind(outbox),
    level: outbox.level.bind(outbox),
    [Symbol.asyncDispose]: () => outbox[Symbol.asyncDispose](),
  };
}
