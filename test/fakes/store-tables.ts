import Database from 'better-sqlite3';
import { Appender } from '../../gateway/store/appending.ts';
import { migrate } from '../../gateway/store/migrations.ts';
import { Reading } from '../../gateway/store/reading.ts';
import { defaultStoreLimits } from '../../gateway/store/store.ts';
import type { TraceReader } from '../../gateway/store/traces.ts';
import { createTracing } from '../../gateway/tracing/store-tracing.ts';

/**
 * A store's tables without its file, and tracing on them; indexed only when told to.
 * @param onStatement is told each statement that is run.
 */
export function openTables(entriesPerSegment: number, onStatement?: (sql: string) => void) {
  const database = new Database(':memory:', { verbose: (sql) => onStatement?.(String(sql)) });
  migrate(database);
  const appender = new Appender(database, { ...defaultStoreLimits, entriesPerSegment });
  const reading = new Reading(database);
  const { traces } = reading;
  const reader: TraceReader = {
    outline: async () => traces.outline(reading.lastEntry()),
    traitOf: (number) => traces.traitOf(number),
    readBuckets: async (...what) => traces.readBuckets(...what),
    readSegment: async (segment) => traces.readSegment(segment),
    readTail: async (after, upTo) => traces.readTail(after, upTo),
    entriesAt: async (positions) => traces.entriesAt(positions),
  };
  return { database, appender, reading, tracing: createTracing({ traces: reader }) };
}
