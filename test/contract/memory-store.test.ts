import type { StoreLimits } from '../../gateway/store/store.ts';
import { MemoryRemover } from '../fakes/memory-remover.ts';
import { MemoryStore } from '../fakes/memory-store.ts';
import { describeRemover } from './remover.ts';
import { describeStore, type OpenedStore } from './store.ts';

async function openStore(limits: Partial<StoreLimits> = {}): Promise<OpenedStore> {
  let store = new MemoryStore(limits);
  return {
    store,
    async reopen() {
      await store[Symbol.asyncDispose]();
      store = new MemoryStore(limits, store);
      return store;
    },
    remover: async () => new MemoryRemover(store),
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  };
}

describeStore('the store in memory', openStore);
describeRemover('deleting from the store in memory', openStore);
