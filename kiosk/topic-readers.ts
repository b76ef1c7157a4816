import type { TopicReader } from './gateway-link.ts';

/** Several readers as one: each hears all, and knows its own topics. */
export function readersOf(readers: readonly TopicReader[]): TopicReader {
  return {
    connected(topics) {
      for (const reader of readers) reader.connected(topics);
    },
    lost() {
      for (const reader of readers) reader.lost();
    },
    heard(topic, payload) {
      for (const reader of readers) reader.heard(topic, payload);
    },
  };
}
