import { join } from 'node:path';
import Database from 'better-sqlite3';
import { parse as parseUuid } from 'uuid';
import { applicationId, migrate, migrations } from '../../gateway/store/migrations.ts';
import type { Entry } from '../../shared/entry.ts';
import { makeEntry } from './entries.ts';

/** Writes a store as the program of an older version left it, with the made-up entries of these numbers, or others. */
export function makeOlderStore(
  dir: string,
  version: 1 | 2,
  entries: readonly Entry[] = Array.from({ length: 10 }, (_, index) => makeEntry(index + 1).entry),
): void {
  const database = new Database(join(dir, 'store.db'));
  database.pragma(`application_id = ${applicationId}`);
  migrate(database, migrations.slice(0, version));
  const streams = database.prepare('INSERT INTO streams (kiosk, epoch) VALUES (?, ?) ON CONFLICT DO NOTHING');
  const insert = database.prepare(
    `INSERT INTO entries (id, stream, seq, received_ms, at, subject, body)
     VALUES (?, (SELECT id FROM streams WHERE kiosk = ? AND epoch = ?), ?, 0, ?, ?, ?)`,
  );
  for (const entry of entries) {
    const { id, kiosk, epoch, seq, at, subject } = entry;
    streams.run(kiosk, parseUuid(epoch));
    insert.run(parseUuid(id), kiosk, parseUuid(epoch), seq, at, subject, JSON.stringify(entry));
  }
  if (version > 1) {
    database.exec(`INSERT INTO runs (stream, first, last)
      SELECT stream, min(seq), max(seq)
      FROM (SELECT stream, seq, seq - row_number() OVER (PARTITION BY stream ORDER BY seq) AS run FROM entries)
      GROUP BY stream, run`);
  }
  database.close();
}
