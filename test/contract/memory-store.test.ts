import { MemoryStore } from '../fakes/memory-store.ts';
import { describeStore } from './store.ts';

describeStore('the store in memory', async (limits = {}) => {
  let store = new MemoryStore(limits);
  return {
    store,
    async reopen() {
      await store[Symbol.asyncDispose]();
      store = new MemoryStore(limits, store);
      return store;
    },
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  };
});
