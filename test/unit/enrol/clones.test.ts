import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CloneWatch, currentClones, returnsMin, windowMs } from '../../../gateway/enrol/clones.ts';
import { RecordingLog } from '../../fakes/recording-log.ts';
import { VirtualClock } from '../../fakes/virtual-clock.ts';

let dir: string;
let clock: VirtualClock;
let log: RecordingLog;
let watch: CloneWatch;

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'ravao-clones-'));
  mkdirSync(join(dir, 'trust'));
  clock = new VirtualClock();
  log = new RecordingLog();
  watch = await CloneWatch.open(dir, { clock, log });
});
afterEach(async () => {
  await watch[Symbol.asyncDispose]();
  rmSync(dir, { recursive: true });
});

/** Each letter is a process that speaks, a minute after the one before. */
async function hear(letters: string, kiosk = 'gate-a'): Promise<void> {
  for (const letter of letters) {
    watch.heard(kiosk, letter);
    await clock.advance(60_000);
  }
}

function alarms(): unknown[] {
  return log.lines
    .filter(({ event }) => event === 'kiosk.cloned')
    .map(({ level, fields }) => [level, fields.kiosk, fields.sign]);
}

describe('no alarm', () => {
  it.each([
    ['at a process that goes on speaking', 'AAAAAAAAAA'],
    ['at one start after the other, however many', 'ABCDEFGHIJKLMNOPQRSTUVWXYZ'],
    ['at a process that crashes after each word', 'AABBCCDDEEFF'],
    ['at a last word that was held up on its way until after the next start', 'AAABABBBB'],
    ['at two of those', 'AAABABBBBCBCCCC'.slice(0, 9)],
  ])('%s', async (_title, letters) => {
    await hear(letters);
    expect(alarms()).toEqual([]);
    expect(await currentClones(dir)).toEqual(new Map());
  });

  it('at words held up that are hours apart', async () => {
    for (const pair of ['AB', 'CD', 'EF', 'GH']) {
      await hear(`${pair[0]}${pair[1]}${pair[0]}${pair[1]}`);
      await clock.advance(windowMs);
    }
    expect(alarms()).toEqual([]);
  });

  it('at processes of several kiosks, nor at kiosks that do not say which process they are', async () => {
    for (let round = 0; round < 5; round++) {
      await hear('A', 'gate-a');
      await hear('B', 'gate-b');
      watch.heard('gate-a', undefined);
    }
    expect(alarms()).toEqual([]);
  });
});

describe('an alarm', () => {
  it.each(['ABABA', 'AAABBBAAABBBAAA', 'ABCABC', 'ABACADA'])('at machines that speak by turns: %s', async (letters) => {
    await hear(letters);
    expect(alarms()).toEqual([['error', 'gate-a', 'instances']]);
    expect(letters.length).toBeGreaterThan(returnsMin);
    await watch[Symbol.asyncDispose]();
    expect([...(await currentClones(dir)).keys()]).toEqual(['gate-a']);
  });

  it('at an entry under a place that another has; it says what to do', async () => {
    watch.reused('gate-a');
    expect(alarms()).toEqual([['error', 'gate-a', 'entries']]);
    expect(log.lines[0]?.fields.remedy).toContain('revoke gate-a');
  });

  it('is logged once a minute, and remembered over restarts with its beginning', async () => {
    watch.reused('gate-a');
    await watch[Symbol.asyncDispose]();
    const since = new Date(clock.nowMs()).toISOString();
    for (let time = 0; time < 100; time++) watch.reused('gate-a');
    expect(alarms()).toHaveLength(1);
    await clock.advance(120_000);
    watch = await CloneWatch.open(dir, { clock, log });
    watch.reused('gate-a');
    await watch[Symbol.asyncDispose]();
    const last = new Date(clock.nowMs()).toISOString();
    expect((await currentClones(dir)).get('gate-a')).toEqual({ sign: 'entries', since, last });
  });

  it('is over when the kiosk was revoked since, and not by a certificate more', async () => {
    watch.reused('gate-a');
    await watch[Symbol.asyncDispose]();
    const line = (offsetMs: number) =>
      `${JSON.stringify({ kiosk: 'gate-a', serial: '41', at: new Date(clock.nowMs() + offsetMs).toISOString() })}\n`;
    writeFileSync(join(dir, 'trust', 'revoked.jsonl'), line(-1));
    expect((await currentClones(dir)).size).toBe(1);
    writeFileSync(join(dir, 'trust', 'revoked.jsonl'), line(-1) + line(1));
    expect((await currentClones(dir)).size).toBe(0);
  });

  it('that cannot be written is logged', async () => {
    rmSync(dir, { recursive: true });
    watch.reused('gate-a');
    await watch[Symbol.asyncDispose]();
    mkdirSync(dir);
    expect(log.events).toEqual(['kiosk.cloned', 'kiosk.clones-unwritten']);
  });
});

it('a file that is damaged holds no alarm, and the next is written over it', async () => {
  writeFileSync(join(dir, 'clones.json'), '{"gate-a":{"sign":"x"');
  expect(await currentClones(dir)).toEqual(new Map());
  watch = await CloneWatch.open(dir, { clock, log });
  watch.reused('gate-b');
  await watch[Symbol.asyncDispose]();
  expect([...(await currentClones(dir)).keys()]).toEqual(['gate-b']);
});
