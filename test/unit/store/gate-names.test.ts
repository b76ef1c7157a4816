import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readGateNames } from '../../../gateway/store/gate-names.ts';
import { openSqliteStore } from '../../../gateway/store/sqlite.ts';
import { arrival } from '../../contract/store.ts';
import { RecordingLog } from '../../fakes/recording-log.ts';

let dir: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'ravao-gates-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

test('gates that entries name are told once each, also while they are served, and none where there is no store', async () => {
  expect(readGateNames(dir)).toEqual([]);
  await using store = await openSqliteStore({ dir, log: new RecordingLog() });
  expect(readGateNames(dir)).toEqual([]);
  await store.append(['Cổng B', 'Cổng A', 'Cổng B'].map((gate, index) => arrival(index + 1, { gate })));
  expect(readGateNames(dir)).toEqual(['Cổng A', 'Cổng B']);
});

test('a store that is damaged is told as such', async () => {
  await writeFile(join(dir, 'store.db'), '');
  expect(() => readGateNames(dir)).toThrow(expect.objectContaining({ code: 'STORE_CORRUPT' }));
});
