/** The store's schema, as the steps that lead to it. */
import type { Database } from 'better-sqlite3';

/** Marks a SQLite file as a gateway's store (`PRAGMA application_id`): the letters `Rav` and a 1. */
export const applicationId = 0x52617601;

/**
 * Step n takes a store from version n to n + 1 (`PRAGMA user_version`). A step that was released is never edited.
 *
 * The index of `entries` grows at its right edge, however long the table, as ids are UUIDv7. So the pages an insert
 * touches stay in the cache.
 */
export const migrations: readonly string[] = [
  `
  -- One outbox of one kiosk: what counts a seq.
  CREATE TABLE streams (
    id INTEGER PRIMARY KEY,
    kiosk TEXT NOT NULL,
    epoch BLOB NOT NULL CHECK (length(epoch) = 16),
    UNIQUE (kiosk, epoch)
  ) STRICT;

  -- Positions are never given twice, even if the newest entry is deleted: an upstream's place is one.
  CREATE TABLE entries (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    id BLOB NOT NULL CHECK (length(id) = 16),
    stream INTEGER NOT NULL REFERENCES streams (id),
    seq INTEGER NOT NULL,
    received_ms INTEGER NOT NULL,
    at TEXT NOT NULL,
    subject TEXT,
    body TEXT NOT NULL
  ) STRICT;
  CREATE UNIQUE INDEX entries_by_id ON entries (id);
  CREATE UNIQUE INDEX entries_by_place ON entries (stream, seq);

  -- Either raw bytes, or the entry that an upstream refused. The digest keeps what is sent again from being kept again.
  CREATE TABLE quarantine (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    digest BLOB NOT NULL UNIQUE,
    kiosk TEXT NOT NULL,
    reason TEXT NOT NULL,
    detail TEXT NOT NULL,
    received_ms INTEGER NOT NULL,
    raw BLOB,
    entry INTEGER REFERENCES entries (position),
    upstream TEXT,
    stream INTEGER REFERENCES streams (id),
    seq INTEGER,
    CHECK ((raw IS NULL) = (entry IS NOT NULL))
  ) STRICT;
  CREATE INDEX quarantine_by_place ON quarantine (stream, seq) WHERE stream IS NOT NULL;
  CREATE INDEX quarantine_by_entry ON quarantine (entry) WHERE entry IS NOT NULL;

  -- What each kiosk has used up of its part.
  CREATE TABLE quarantine_use (
    kiosk TEXT PRIMARY KEY,
    items INTEGER NOT NULL,
    bytes INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE upstreams (
    name TEXT PRIMARY KEY,
    place INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  `,
  `
  -- Which numbers of each stream are in entries, as runs without a gap: see runs.ts.
  CREATE TABLE runs (
    stream INTEGER NOT NULL REFERENCES streams (id),
    first INTEGER NOT NULL,
    last INTEGER NOT NULL CHECK (last >= first),
    PRIMARY KEY (stream, first)
  ) STRICT, WITHOUT ROWID;
  INSERT INTO runs (stream, first, last)
    SELECT stream, min(seq), max(seq)
    FROM (SELECT stream, seq, seq - row_number() OVER (PARTITION BY stream ORDER BY seq) AS run FROM entries)
    GROUP BY stream, run;
  DROP INDEX entries_by_place;
  `,
  `
  -- What passages have in common: see traits.ts.
  CREATE TABLE traits (
    id INTEGER PRIMARY KEY,
    gate TEXT NOT NULL,
    direction TEXT NOT NULL,
    outcome TEXT NOT NULL,
    kind TEXT NOT NULL,
    UNIQUE (gate, direction, outcome, kind)
  ) STRICT;

  -- In entries older than this all four are null: what they say stands in the body and in at. Newer ones have from_ms
  -- and to_ms where the time is uncertain. Without REFERENCES, which would cost each insert a look at traits.
  ALTER TABLE entries ADD COLUMN traits INTEGER;
  ALTER TABLE entries ADD COLUMN best_ms INTEGER;
  ALTER TABLE entries ADD COLUMN from_ms INTEGER;
  ALTER TABLE entries ADD COLUMN to_ms INTEGER;

  -- The index of tracing: see trace-index.ts. A segment is a run of entries by position, named by its first; a trace is
  -- one bucket of it, its id 128 × segment + bucket.
  CREATE TABLE segments (
    first INTEGER PRIMARY KEY,
    last INTEGER NOT NULL CHECK (last >= first),
    from_ms INTEGER NOT NULL,
    to_ms INTEGER NOT NULL,
    entries INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE traces (
    id INTEGER PRIMARY KEY,
    entries INTEGER NOT NULL,
    passages BLOB NOT NULL
  ) STRICT;
  `,
  `
  -- Places of entries that were here and are deleted, as runs: a part of those in runs. until_ms is when the newest of
  -- them arrived. See removed.ts.
  CREATE TABLE removed (
    stream INTEGER NOT NULL REFERENCES streams (id),
    first INTEGER NOT NULL,
    last INTEGER NOT NULL CHECK (last >= first),
    until_ms INTEGER NOT NULL,
    PRIMARY KEY (stream, first)
  ) STRICT, WITHOUT ROWID;

  -- Of what lay in quarantine and is deleted: which entries it said that it is, and the digests of its bytes.
  CREATE TABLE removed_claims (
    stream INTEGER NOT NULL REFERENCES streams (id),
    seq INTEGER NOT NULL,
    PRIMARY KEY (stream, seq)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE removed_digests (digest BLOB PRIMARY KEY CHECK (length(digest) = 32)) STRICT, WITHOUT ROWID;

  -- At that time every upstream had taken or refused all entries up to that position.
  CREATE TABLE taken (
    position INTEGER PRIMARY KEY,
    at_ms INTEGER NOT NULL
  ) STRICT;

  -- How much was deleted, by why; until_ms: what arrived up to then, and was taken, is deleted.
  CREATE TABLE removals (
    why TEXT PRIMARY KEY CHECK (why IN ('purged', 'erased')),
    entries INTEGER NOT NULL,
    quarantined INTEGER NOT NULL,
    until_ms INTEGER
  ) STRICT, WITHOUT ROWID;

  -- What people said is wrong in their entries, sealed to the site's key and bound to the correction's id.
  CREATE TABLE corrections (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    subject TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    sealed_enc TEXT NOT NULL,
    sealed_ct TEXT NOT NULL,
    sealed_key TEXT NOT NULL
  ) STRICT;
  `,
];

/** Brings a database to the newest version, each step in a transaction of its own. Its version must not be newer. */
export function migrate(database: Database, steps: readonly string[] = migrations): void {
  const from = readVersion(database);
  for (const [done, step] of steps.slice(from).entries()) {
    database
      .transaction(() => {
        database.exec(step);
        database.pragma(`user_version = ${from + done + 1}`);
      })
      .immediate();
  }
}

/** The version of a database's schema. */
export function readVersion(database: Database): number {
  return Number(database.pragma('user_version', { simple: true }));
}
