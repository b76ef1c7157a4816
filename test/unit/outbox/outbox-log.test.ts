/** What an outbox leaves on the disk of those whose entries were sent. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Outbox, openOutbox } from '../../../kiosk/outbox.ts';
import { claimOutbox, createOutboxFile, emptyLog } from '../../../kiosk/outbox-database.ts';
import { outboxLimits } from '../../../kiosk/outbox-limits.ts';
import { IdleLog } from '../../../kiosk/outbox-log.ts';
import { Fault } from '../../../shared/fault.ts';
import { makeDraft } from '../../fakes/entries.ts';
import { RecordingLog } from '../../fakes/recording-log.ts';
import { seededChance } from '../../fakes/seeded-chance.ts';
import { VirtualClock } from '../../fakes/virtual-clock.ts';

const pauseMs = outboxLimits.emptyLogAfterMs;

let dir: string;
let clock: VirtualClock;
let log: RecordingLog;
let outbox: Outbox;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'ravao-outbox-log-'));
  clock = new VirtualClock();
  log = new RecordingLog();
  outbox = open();
});
afterEach(async () => {
  await outbox[Symbol.asyncDispose]();
  rmSync(dir, { recursive: true });
});

const open = () => openOutbox({ dir, kiosk: 'gate-a', clock, chance: seededChance(1), log });
const logBytes = () => statSync(join(dir, 'outbox.db-wal')).size;
const subjectOf = (number: number) => `S${String(number).padStart(21, 'x')}`;

/** The subjects, of so many, that any file still names. */
function found(count: number): readonly number[] {
  const bytes = readdirSync(dir).map((name) => readFileSync(join(dir, name)));
  const numbers = Array.from({ length: count }, (_, index) => index + 1);
  return numbers.filter((number) => bytes.some((file) => file.includes(subjectOf(number))));
}

function append(number: number): number {
  const ct = 'c'.repeat(100 + ((number * 389) % 1500));
  const identity = { enc: 'e'.repeat(43), ct, key: 'k'.repeat(16) };
  return outbox.append(makeDraft(number, { subject: subjectOf(number), identity })).seq;
}

describe('the log of an outbox', () => {
  it('names nobody when everything was sent and the gate was quiet, nor does the file, whatever came and went', async () => {
    const chance = seededChance(7);
    const unsent: number[] = [];
    let number = 0;
    for (let round = 0; round < 60; round++) {
      for (let count = Math.floor(chance.fraction() * 30); count > 0; count--) unsent.push(append(++number));
      while (unsent.length > 15) outbox.forget(unsent.splice(Math.floor(chance.fraction() * 10), 5));
    }
    outbox.forget(unsent);
    expect(found(number)).not.toEqual([]);
    await clock.advance(pauseMs);
    expect(logBytes()).toBe(0);
    expect(found(number)).toEqual([]);
    // The outbox goes on as before.
    expect(append(number + 1)).toBe(number + 1);
    expect(outbox.peek(0, 9)).toHaveLength(1);
  });

  it('is left alone while something is to be sent, and for as long after each commit as the pause is', async () => {
    outbox.forget([append(1)]);
    await clock.advance(pauseMs - 1);
    const second = append(2);
    await clock.advance(pauseMs * 3);
    expect(logBytes()).toBeGreaterThan(0);
    outbox.forget([second]);
    await clock.advance(pauseMs - 1);
    expect(logBytes()).toBeGreaterThan(0);
    await clock.advance(1);
    expect(logBytes()).toBe(0);
    expect(clock.timers).toBe(0);
  });

  it('is emptied after a start as well, with all that was committed, and not after the outbox was closed', async () => {
    outbox.forget([append(1)]);
    const image = readdirSync(dir).map((name) => [name, readFileSync(join(dir, name))] as const);
    await outbox[Symbol.asyncDispose]();
    expect(clock.timers).toBe(0);
    // As a killed process leaves it.
    for (const name of readdirSync(dir)) rmSync(join(dir, name));
    for (const [name, bytes] of image) writeFileSync(join(dir, name), bytes);
    outbox = open();
    expect(found(1)).toEqual([1]);
    await clock.advance(pauseMs);
    expect(found(1)).toEqual([]);
    expect(append(2)).toBe(2);
  });

  it('stays where the disk fails, which is said, and is tried again', async () => {
    let tried = 0;
    const empty = () => {
      tried++;
      if (tried === 1) throw new Fault('OUTBOX_WRITE_FAILED', 'SQLITE_IOERR_FSYNC.');
    };
    using idle = new IdleLog({ empty, clock, log, afterMs: 1000 });
    idle.written(true);
    await clock.advance(1000);
    expect(log.events).toEqual(['outbox.created', 'outbox.log-kept']);
    await clock.advance(10_000);
    expect(log.events).toHaveLength(2);
    expect(tried).toBe(2);
  });

  it('lets a bug pass, as everywhere', async () => {
    const empty = () => {
      throw new TypeError('a bug');
    };
    using idle = new IdleLog({ empty, clock, log, afterMs: 1000 });
    idle.written(true);
    await expect(clock.advance(1000)).rejects.toThrow('a bug');
    expect(log.events).toEqual(['outbox.created']);
  });

  it('is told as not emptied where its folder is gone', () => {
    const path = join(dir, 'other.db');
    createOutboxFile(path, 'gate-a', 'epoch');
    using stack = new DisposableStack();
    const { db } = claimOutbox(path);
    stack.defer(() => db.close());
    db.exec('DELETE FROM presences; UPDATE meta SET last_seq = 1');
    emptyLog(db, path);
    expect(statSync(`${path}-wal`).size).toBe(0);
    rmSync(dir, { recursive: true });
    expect(() => emptyLog(db, path)).toThrow(expect.objectContaining({ code: 'DATA_DIR_UNUSABLE' }));
    mkdirSync(dir);
  });
});
