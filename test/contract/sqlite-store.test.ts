import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openSqliteStore } from '../../gateway/store/sqlite.ts';
import { openSqliteRemover } from '../../gateway/store/sqlite-remover.ts';
import type { Store, StoreLimits } from '../../gateway/store/store.ts';
import { systemClock } from '../../shared/system/clock.ts';
import { RecordingLog } from '../fakes/recording-log.ts';
import { describeRemover } from './remover.ts';
import { describeStore, type OpenedStore } from './store.ts';

async function openStore(limits: Partial<StoreLimits> = {}): Promise<OpenedStore> {
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
    remover: () => openSqliteRemover({ dir, clock: systemClock }),
    async [Symbol.asyncDispose]() {
      await store[Symbol.asyncDispose]();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

describeStore('the SQLite store', openStore);
describeRemover('deleting from the SQLite store', openStore);
