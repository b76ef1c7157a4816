import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openTimes, timesFileName } from '../../../gateway/times-file.ts';
import { systemClock } from '../../../shared/system/clock.ts';
import { readTimeAnswer, readTimeQuestion } from '../../../shared/time-question.ts';
import { RecordingLog } from '../../fakes/recording-log.ts';
import { seededChance } from '../../fakes/seeded-chance.ts';

describe('what is known of times', () => {
  let dir: string;
  let log: RecordingLog;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'ravao-times-'));
    log = new RecordingLog();
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  const open = () => openTimes(dir, { clock: systemClock, chance: seededChance(1), log });
  const clock = { synced: true, boot: 'boot-1', at: '2026-11-20T08:00:00.000Z', monotonicMs: 60_000 };
  const note = async () => {
    await using times = await open();
    times.keeper.noteState('gate-a', { v: 1, online: true, clock }, { openedMs: systemClock.monotonicMs() });
  };

  it('outlasts the gateway in a file beside the store', async () => {
    await note();
    expect(JSON.parse(readFileSync(join(dir, timesFileName), 'utf8'))).toMatchObject({
      v: 1,
      kiosks: { 'gate-a': [{ boot: 'boot-1', lastMs: 60_000, first: null }] },
    });
    await (await open())[Symbol.asyncDispose]();
    expect(log.events).toEqual([]);
  });

  it('is said to be damaged where it is, and made anew', async () => {
    writeFileSync(join(dir, timesFileName), '{"v":1,');
    await note();
    expect(log.events).toEqual(['time.unreadable']);
    expect(readFileSync(join(dir, timesFileName), 'utf8')).toContain('boot-1');
  });

  it('costs a line in the log where it cannot be written, and nothing else', async () => {
    rmSync(dir, { recursive: true });
    await note();
    expect(existsSync(dir)).toBe(false);
    expect(new Set(log.events)).toEqual(new Set(['time.unwritten']));
  });
});

describe('the question for the time', () => {
  it.each(['', '{', '[]', 'null', '{"v":2,"boot":"b","monotonicMs":1}', '{"v":1,"boot":"b","monotonicMs":-1}', '\xff'])(
    'is not %j, nor is that an answer',
    (text) => {
      expect(readTimeQuestion(Buffer.from(text, 'latin1'))).toBeNull();
      expect(readTimeAnswer(Buffer.from(text, 'latin1'))).toBeNull();
    },
  );
});
