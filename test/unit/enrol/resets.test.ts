import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { answerLeaves, dropReset, orderReset, readResets, tellResets } from '../../../gateway/enrol/resets.ts';
import { ordersTopic } from '../../../shared/topics.ts';
import { RecordingLog } from '../../fakes/recording-log.ts';
import { until } from '../../fakes/until.ts';
import { VirtualClock } from '../../fakes/virtual-clock.ts';

let dir: string;
let clock: VirtualClock;
let log: RecordingLog;
let done: string[];

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'ravao-resets-'));
  clock = new VirtualClock();
  log = new RecordingLog();
  done = [];
});
afterEach(() => rmSync(dir, { recursive: true }));

async function leave(kiosk: string, request: unknown): Promise<boolean> {
  const answer = answerLeaves({
    dataDir: dir,
    trust: { revoke: async (id) => done.push(`revoked ${id}`) },
    audit: {
      record: async ({ action, what }) => {
        done.push(`${action} ${what.kiosk}`);
        return { seq: 1, hash: '' };
      },
    },
    log,
  });
  const bytes = await answer(kiosk, Buffer.from(typeof request === 'string' ? request : JSON.stringify(request)));
  return JSON.parse(Buffer.from(bytes ?? '{}').toString()).left;
}

describe('a kiosk that leaves', () => {
  it('is cut off when it was ordered to, after the audit was told, and once', async () => {
    const { id } = await orderReset(dir, 'gate-a', clock);
    expect(await leave('gate-a', { v: 1, reset: id })).toBe(true);
    expect(done).toEqual(['kiosk.reset gate-a', 'revoked gate-a']);
    expect(await readResets(dir)).toEqual(new Map());
    expect(await leave('gate-a', { v: 1, reset: id })).toBe(false);
  });

  it('is not when it was not, or when it names an order that was taken back, of another, or none', async () => {
    expect(await leave('gate-a', { v: 1, reset: 'x' })).toBe(false);
    const old = await orderReset(dir, 'gate-a', clock);
    await dropReset(dir, 'gate-a');
    await orderReset(dir, 'gate-a', clock);
    const other = await orderReset(dir, 'gate-b', clock);
    for (const request of [{ v: 1, reset: old.id }, { v: 1, reset: other.id }, { v: 1 }, 'x', '', 'null']) {
      expect(await leave('gate-a', request), JSON.stringify(request)).toBe(false);
    }
    expect(done).toEqual([]);
    expect([...(await readResets(dir)).keys()]).toEqual(['gate-a', 'gate-b']);
  });
});

it('an order is the same order however often it is given', async () => {
  const first = await orderReset(dir, 'gate-a', clock);
  await clock.advance(60_000);
  expect(await orderReset(dir, 'gate-a', clock)).toEqual(first);
});

it('what lies among the orders and is none is passed over', async () => {
  await orderReset(dir, 'gate-a', clock);
  mkdirSync(join(dir, 'resets', 'gate-d.json'));
  for (const name of ['gate-b.json', '..json', 'Gate.json', 'gate-c'])
    writeFileSync(join(dir, 'resets', name), '{"v":1');
  expect([...(await readResets(dir)).keys()]).toEqual(['gate-a']);
  expect(readdirSync(join(dir, 'resets'))).toHaveLength(6);
});

it('an order is told once, and taken back where it is', async () => {
  const told: string[] = [];
  const announcements = {
    retain: async (topic: string, payload: Uint8Array) => {
      told.push(`${topic} ${payload.byteLength === 0 ? 'nothing' : JSON.parse(Buffer.from(payload).toString()).kiosk}`);
    },
  };
  await orderReset(dir, 'gate-a', clock);
  await using _ = tellResets({ dataDir: dir, announcements, clock, log });
  const after = async (count: number) => {
    await until(`${count} words`, 10_000, async () => {
      await clock.advance(1_000);
      return told.length >= count;
    });
  };
  await after(1);
  await orderReset(dir, 'gate-b', clock);
  await after(2);
  await dropReset(dir, 'gate-a');
  await after(3);
  expect(told).toEqual([
    `${ordersTopic('gate-a')} gate-a`,
    `${ordersTopic('gate-b')} gate-b`,
    `${ordersTopic('gate-a')} nothing`,
  ]);
});
