/** What the gateway remembers of gates, and what `kiosks` says of them. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openAudit } from '../../../gateway/audit/audit.ts';
import { findClosings } from '../../../gateway/enrol/gate-closings.ts';
import { GateStates, readGateStates, writeAfterMs } from '../../../gateway/enrol/gate-states.ts';
import { describeKiosks, listKiosks, revokeKiosk } from '../../../gateway/enrol/kiosk-commands.ts';
import { showMoment } from '../../../gateway/moment.ts';
import { openTrust, type Trust } from '../../../gateway/trust/authority.ts';
import { RecordingLog } from '../../fakes/recording-log.ts';
import { VirtualClock } from '../../fakes/virtual-clock.ts';

const closed = { online: true, control: { closed: true, direction: null } };
const open = { online: true, control: { closed: false, direction: null } };

let dataDir: string;
let clock: VirtualClock;
let log: RecordingLog;
let gates: GateStates;
let trust: Trust;

beforeEach(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'ravao-gates-'));
  clock = new VirtualClock();
  log = new RecordingLog();
  trust = await openTrust(join(dataDir, 'trust'), { site: 'A', clock, log });
  gates = await begin();
});
afterEach(async () => {
  await gates[Symbol.asyncDispose]();
  rmSync(dataDir, { recursive: true, force: true });
});

async function begin(): Promise<GateStates> {
  return new GateStates(dataDir, await readGateStates(dataDir), clock, log);
}

const list = () => listKiosks({ dataDir, site: 'A' }, { clock, log });
const iso = (ms: number) => new Date(ms).toISOString();

/** A guard shows a card, so many milliseconds before the gateway hears of it. */
async function use(kiosk: string, does: string, agoMs = 0, more: Record<string, boolean> = {}): Promise<string> {
  const at = iso(clock.nowMs() - agoMs);
  const what = { entry: 'x', kiosk, at, card: '000 000 001 8', does, direction: 'in', ...more };
  await openAudit(dataDir, { clock }).record({ action: 'control.used', what });
  return at;
}

describe('the states of gates', () => {
  it('are what each kiosk said last, over a restart, written once for many changes', async () => {
    gates.note('gate-a', closed);
    gates.note('gate-b', open);
    gates.note('gate-c', closed);
    gates.note('gate-c', { online: true });
    gates.note('gate-a', { online: false });
    expect(clock.timers).toBe(1);
    await clock.advance(writeAfterMs);
    await gates[Symbol.asyncDispose]();
    expect([...(await readGateStates(dataDir))]).toEqual([
      ['gate-a', 'closed'],
      ['gate-b', 'open'],
    ]);
    gates = await begin();
    gates.note('gate-a', closed);
    gates.note('gate-b', open);
    expect(clock.timers).toBe(0);
    gates.note('gate-a', open);
    await gates[Symbol.asyncDispose]();
    expect((await readGateStates(dataDir)).get('gate-a')).toBe('open');
  });

  it('are unknown where the file cannot be read, and a disk that fails is only logged', async () => {
    for (const text of ['{"gate-a":"ajar"}', '{"gate-a":"clo', '[]']) {
      writeFileSync(join(dataDir, 'gates.json'), text);
      expect(await readGateStates(dataDir)).toEqual(new Map());
    }
    rmSync(dataDir, { recursive: true });
    gates.note('gate-a', closed);
    await gates[Symbol.asyncDispose]();
    expect(log.events.slice(-1)).toEqual(['kiosk.gates-unwritten']);
  });
});

describe('kiosks', () => {
  it('says of each gate whether a guard has closed it and since when, and nothing of one that never said', async () => {
    for (const kiosk of ['gate-a', 'gate-b', 'gate-c', 'gate-d']) await trust.enrol(kiosk, join(dataDir, kiosk));
    for (const kiosk of ['gate-a', 'gate-d']) gates.note(kiosk, closed);
    gates.note('gate-b', open);
    await gates[Symbol.asyncDispose]();
    const at = await use('gate-a', 'close');
    const listed = await list();
    expect(listed.map(({ gate, closedSince }) => [gate, closedSince])).toEqual([
      ['closed', at],
      ['open', null],
      [null, null],
      ['closed', null],
    ]);
    expect([...describeKiosks(listed, 'text')].map((line) => line.split(', ').slice(3).join(', '))).toEqual([
      `GATE CLOSED by a guard since ${showMoment(at)}\n`,
      'gate open\n',
      '',
      'GATE CLOSED by a guard, since when is not known\n',
    ]);
    expect([...describeKiosks(listed, 'json')].map((line) => JSON.parse(line))).toMatchObject([
      { gate: 'closed', closedSince: at },
      { gate: 'open', closedSince: null },
      { gate: null, closedSince: null },
      { gate: 'closed', closedSince: null },
    ]);
    await revokeKiosk('gate-a', { dataDir, site: 'A' }, { clock, log });
    expect((await list())[0]).toMatchObject({ state: 'revoked', gate: null, closedSince: null });
  });
});

describe('the time of a closing', () => {
  const since = (...kiosks: string[]) => [...findClosings(dataDir, new Set(kiosks))];

  it('is that of the first card that closed the gate since it was open, at the kiosk', async () => {
    expect(since('gate-a')).toEqual([]);
    await use('gate-a', 'close');
    await clock.advance(60_000);
    await use('gate-a', 'open');
    expect(since('gate-a')).toEqual([]);
    // While the kiosk was away: the line comes an hour later than the card.
    await clock.advance(7_200_000);
    const at = await use('gate-a', 'close', 3_600_000);
    for (const does of ['direction-out', 'visitor', 'test', 'close']) {
      await clock.advance(60_000);
      await use('gate-a', does);
    }
    await use('gate-b', 'open');
    expect(since('gate-a', 'gate-b')).toEqual([['gate-a', at]]);
    expect(since('gate-b')).toEqual([]);
  });

  it('is unknown where the kiosk did not know the time, or says one that is to come', async () => {
    await use('gate-a', 'close', 86_400_000, { expiryUnchecked: true });
    await use('gate-b', 'close', -60_000);
    await clock.advance(60_000);
    // A second card tells nothing of when the first was shown.
    for (const kiosk of ['gate-a', 'gate-b']) await use(kiosk, 'close');
    expect(since('gate-a', 'gate-b')).toEqual([]);
  });

  it('is not that of a machine that had the name before', async () => {
    await use('gate-a', 'close');
    await openAudit(dataDir, { clock }).record({
      action: 'kiosk.enrolled',
      what: { kiosk: 'gate-a', by: 'invitation' },
    });
    expect(since('gate-a')).toEqual([]);
    const at = await use('gate-a', 'close');
    expect(since('gate-a')).toEqual([['gate-a', at]]);
  });

  it('cannot be told where the audit cannot be read, and that is said', async () => {
    rmSync(join(dataDir, 'audit.jsonl'), { force: true });
    writeFileSync(join(dataDir, 'audit.jsonl'), 'torn\n{"action":"control.used","kiosk":"gate-a"}\n');
    expect(since('gate-a')).toEqual([]);
    rmSync(join(dataDir, 'audit.jsonl'));
    mkdirSync(join(dataDir, 'audit.jsonl'));
    expect(() => since('gate-a')).toThrow(/AUDIT_READ_FAILED/);
  });
});
