import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Aedes } from 'aedes';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { openOutbox } from '../../kiosk/outbox.ts';
import { systemChance } from '../../shared/system/chance.ts';
import { systemClock } from '../../shared/system/clock.ts';
import { entriesTopic } from '../../shared/topics.ts';
import { type RunningProcess, startProcess } from '../fakes/processes.ts';
import { RecordingLog } from '../fakes/recording-log.ts';

const deadlineMs = 20_000;

let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'ravao-crash-'));
});

afterEach(() => rmSync(dir, { recursive: true }));

function startWriter(...args: string[]): Promise<RunningProcess> {
  return startProcess(['test/fakes/outbox-writer.ts', dir, ...args], { stdin: 'ignore' });
}

function appendedBy(writer: RunningProcess): number[] {
  return writer.logs.filter(({ event }) => event === 'appended').map(({ seq }) => Number(seq));
}

function countTo(last: number): number[] {
  return Array.from({ length: last }, (_, index) => index + 1);
}

it('keeps everything that was confirmed, gapless, however often the kiosk is killed', async () => {
  let confirmed = 0;
  for (let round = 1; round <= 4; round++) {
    await using writer = await startWriter();
    await writer.waitForLog('appended', deadlineMs, { matches: ({ seq }) => Number(seq) >= confirmed + 40 * round });
    await writer.kill('SIGKILL');
    confirmed = appendedBy(writer).at(-1) ?? confirmed;
  }
  await using outbox = openOutbox({
    dir,
    kiosk: 'gate-a',
    clock: systemClock,
    chance: systemChance,
    log: new RecordingLog(),
  });
  const kept = outbox.peek(0, 1_000_000).map(({ seq }) => seq);
  expect(kept).toEqual(countTo(kept.length));
  // The commit after the last confirmed one may have been made without time to say so.
  expect(kept.length - confirmed).toBeGreaterThanOrEqual(0);
  expect(kept.length - confirmed).toBeLessThanOrEqual(1);
});

it('lets no second process work on the same outbox, and tells it why', async () => {
  await using first = await startWriter();
  await first.waitForLog('appended', deadlineMs);
  await using second = await startWriter();
  await second.waitForOutput(/DATA_DIR_IN_USE/, deadlineMs);
  const before = appendedBy(first).length;
  await first.waitForLog('appended', deadlineMs, { matches: ({ seq }) => Number(seq) > before });
});

it('refuses while the disk refuses, keeps its count, and goes on by itself when the disk is back', async () => {
  await using writer = await startWriter();
  await writer.waitForLog('appended', deadlineMs, { matches: ({ seq }) => Number(seq) >= 20 });
  const limitFileSize = (limit: string) => execFileSync('prlimit', ['--pid', String(writer.pid), `--fsize=${limit}:`]);
  limitFileSize('0');
  const refused = await writer.waitForLog('refused', deadlineMs);
  expect(['OUTBOX_WRITE_FAILED', 'OUTBOX_FULL']).toContain(refused.code);
  const since = writer.logs.length;
  limitFileSize('unlimited');
  await writer.waitForLog('appended', deadlineMs, { since });
  await writer.kill('SIGKILL');
  const seqs = appendedBy(writer);
  expect(seqs).toEqual(countTo(seqs.length));
});

it('delivers every entry at least once and always the same bytes, killed while it sends and forgets', async () => {
  const bodies = new Map<number, Set<string>>();
  const broker = await Aedes.createBroker();
  broker.authorizePublish = (_client, { topic, payload }, done) => {
    if (topic === entriesTopic('gate-a')) {
      const body = payload.toString();
      const seq = Number(JSON.parse(body).seq);
      bodies.set(seq, (bodies.get(seq) ?? new Set()).add(body));
    }
    done(null);
  };
  const server = createServer((socket) => broker.handle(socket));
  const port = await listen(server);
  try {
    let confirmed = 0;
    for (let round = 1; round <= 4; round++) {
      await using writer = await startWriter(String(port));
      await writer.waitForLog('appended', deadlineMs, { matches: ({ seq }) => Number(seq) >= confirmed + 60 * round });
      await writer.kill('SIGKILL');
      confirmed = appendedBy(writer).at(-1) ?? confirmed;
    }
    const last = confirmed + 20;
    await using writer = await startWriter(String(port), String(last));
    await writer.waitForLog('drained', deadlineMs);
    expect((await writer.exited).code).toBe(0);
    expect([...bodies.keys()].sort((one, other) => one - other)).toEqual(countTo(last));
    expect([...bodies.values()].filter((copies) => copies.size > 1)).toEqual([]);
    expect(readFileSync(join(dir, 'outbox.db')).includes('"v":1')).toBe(false);
  } finally {
    await new Promise<void>((resolve) => broker.close(() => server.close(() => resolve())));
  }
});

function listen(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      if (address === null || typeof address === 'string') reject(new Error('no TCP address'));
      else resolve(address.port);
    });
  });
}
