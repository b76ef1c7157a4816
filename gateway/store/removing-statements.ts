/** The statements of deleting, prepared on one connection. */
import type { Database } from 'better-sqlite3';
import type { DeletedPlace } from './removed.ts';

/** An entry that may be deleted. */
export interface RemovableRow extends DeletedPlace {
  readonly position: number;
}

interface ItemRow {
  readonly position: number;
  readonly receivedMs: number;
  readonly detail: string;
  readonly raw: Buffer;
}

interface DeletedItem {
  readonly digest: Buffer;
  readonly kiosk: string;
  readonly bytes: number;
  readonly stream: number | null;
  readonly seq: number | null;
}

const removable = 'position, stream, seq, received_ms AS receivedMs';

/** Prepares them. Lists travel as one JSON text. */
export function prepareRemoving(database: Database) {
  return { ...prepareEntries(database), ...prepareQuarantine(database), ...prepareRecords(database) };
}

function prepareEntries(database: Database) {
  return {
    oldEntries: database.prepare<[number, number, number, number], RemovableRow>(
      `SELECT ${removable} FROM entries WHERE position > ? AND position <= ? AND received_ms <= ?
       ORDER BY position LIMIT ?`,
    ),
    countOldEntries: database
      .prepare<[number, number], number>('SELECT count(*) FROM entries WHERE position <= ? AND received_ms <= ?')
      .pluck(),
    countBehind: database
      .prepare<[number, number], number>('SELECT count(*) FROM entries WHERE position > ? AND received_ms <= ?')
      .pluck(),
    firstAfter: database
      .prepare<[number], number>('SELECT position FROM entries WHERE position > ? ORDER BY position LIMIT 1')
      .pluck(),
    ofSubject: database.prepare<[number, number, string, number], RemovableRow & { id: Buffer }>(
      `SELECT ${removable}, id FROM entries
       WHERE position > ? AND position <= ? AND subject IN (SELECT value FROM json_each(?)) ORDER BY position LIMIT ?`,
    ),
    deleteEntry: database.prepare<[number]>('DELETE FROM entries WHERE position = ?'),
    upstreams: database.prepare<[], { name: string; place: number }>('SELECT name, place FROM upstreams'),
    deleteUpstream: database.prepare<[string]>('DELETE FROM upstreams WHERE name = ?'),
    lastTaken: database.prepare<[], number>('SELECT max(position) FROM taken').pluck(),
    addTaken: database.prepare<[number, number]>('INSERT INTO taken (position, at_ms) VALUES (?, ?)'),
    takenBefore: database.prepare<[number], number>('SELECT max(position) FROM taken WHERE at_ms <= ?').pluck(),
    dropTaken: database.prepare<[number]>('DELETE FROM taken WHERE position < ?'),
  };
}

/** Items are what could not be understood, with their raw bytes; what an upstream refused goes with its entry. */
function prepareQuarantine(database: Database) {
  return {
    items: database.prepare<[number, number], ItemRow>(
      `SELECT position, received_ms AS receivedMs, detail, raw FROM quarantine
       WHERE position > ? AND entry IS NULL ORDER BY position LIMIT ?`,
    ),
    countOldItems: database
      .prepare<[number], number>('SELECT count(*) FROM quarantine WHERE entry IS NULL AND received_ms <= ?')
      .pluck(),
    countOldRefused: database
      .prepare<[number, number], number>(
        `SELECT count(*) FROM quarantine JOIN entries ON entries.position = entry
         WHERE entry <= ? AND entries.received_ms <= ?`,
      )
      .pluck(),
    item: database.prepare<[number], DeletedItem>(
      'SELECT digest, kiosk, length(raw) AS bytes, stream, seq FROM quarantine WHERE position = ?',
    ),
    deleteItem: database.prepare<[number]>('DELETE FROM quarantine WHERE position = ?'),
    deleteRefused: database.prepare<[number]>('DELETE FROM quarantine WHERE entry = ?'),
    rememberDigest: database.prepare<[Uint8Array]>('INSERT OR IGNORE INTO removed_digests (digest) VALUES (?)'),
    rememberClaim: database.prepare<[number, number]>(
      'INSERT OR IGNORE INTO removed_claims (stream, seq) VALUES (?, ?)',
    ),
    countLess: database.prepare<[number, string]>(
      'UPDATE quarantine_use SET items = items - 1, bytes = bytes - ? WHERE kiosk = ?',
    ),
  };
}

function prepareRecords(database: Database) {
  return {
    count: database.prepare<['purged' | 'erased', number, number]>(
      `INSERT INTO removals (why, entries, quarantined) VALUES (?, ?, ?)
       ON CONFLICT DO UPDATE SET entries = entries + excluded.entries, quarantined = quarantined + excluded.quarantined`,
    ),
    purgedUntil: database.prepare<[number]>(
      `INSERT INTO removals (why, entries, quarantined, until_ms) VALUES ('purged', 0, 0, ?)
       ON CONFLICT DO UPDATE SET until_ms = max(coalesce(until_ms, 0), excluded.until_ms)`,
    ),
    addCorrection: database.prepare<[string, string, number, string, string, string]>(
      'INSERT INTO corrections (id, subject, at_ms, sealed_enc, sealed_ct, sealed_key) VALUES (?, ?, ?, ?, ?, ?)',
    ),
    /** Of people who made none since; they are few, and whoever has an entry left keeps them. */
    oldCorrections: database
      .prepare<[number], string>(
        `SELECT subject FROM corrections GROUP BY subject HAVING max(at_ms) <= ?
         AND NOT EXISTS (SELECT 1 FROM entries WHERE entries.subject = corrections.subject)`,
      )
      .pluck(),
    deleteCorrections: database.prepare<[string]>('DELETE FROM corrections WHERE subject = ?'),
  };
}
