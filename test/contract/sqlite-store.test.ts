import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openSqliteStore } from '../../gateway/store/sqlite.ts';
import type { Store } from '../../gateway/store/store.ts';
import { RecordingLog } from '../fakes/recording-log.ts';
import { describeStore } from './store.ts';

describeStore('the SQLite store', async (limits = {}) => {
  const dir = await mkdtemp(join(tmpdir(), 'ravao-store-'));
  const log = new RecordingLog();
  let store: Store = await openSqliteStore({ dir, log, limits });
  return {
    store,
    async reopen() {
      await store[Symbol.asyncDispose]();
      store = await openSqliteStore({ dir, log, limits });
      return store;
    },
    async [Symbol.asyncDispose]() {
      await store[Symbol.asyncDispose]();
      await rm(dir, { recursive: true, force: true });
    },
  };
});
