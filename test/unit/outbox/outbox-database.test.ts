import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { translating } from '../../../kiosk/outbox-database.ts';

describe("what SQLite says of the outbox's file", () => {
  it.each([
    ['open', 'SQLITE_CORRUPT', 'OUTBOX_CORRUPT'],
    ['open', 'SQLITE_NOTADB', 'OUTBOX_CORRUPT'],
    ['open', 'SQLITE_IOERR_READ', 'OUTBOX_CORRUPT'],
    ['open', 'SQLITE_BUSY', 'DATA_DIR_IN_USE'],
    ['open', 'SQLITE_LOCKED', 'DATA_DIR_IN_USE'],
    ['open', 'SQLITE_CANTOPEN', 'DATA_DIR_UNUSABLE'],
    ['open', 'SQLITE_FULL', 'DATA_DIR_UNUSABLE'],
    ['open', 'SQLITE_IOERR_SHMSIZE', 'DATA_DIR_UNUSABLE'],
    ['read', 'SQLITE_IOERR_SHORT_READ', 'OUTBOX_CORRUPT'],
    ['read', 'SQLITE_BUSY', 'OUTBOX_CORRUPT'],
    ['write', 'SQLITE_CORRUPT_VTAB', 'OUTBOX_CORRUPT'],
    ['write', 'SQLITE_FULL', 'OUTBOX_FULL'],
    ['write', 'SQLITE_IOERR_FSYNC', 'OUTBOX_WRITE_FAILED'],
    ['write', 'SQLITE_READONLY', 'OUTBOX_WRITE_FAILED'],
  ] as const)('when it cannot %s: %s is %s, which names the file', (doing, said, code) => {
    const fails = () => {
      throw new Database.SqliteError('said SQLite', said);
    };
    expect(() => translating(doing, '/data/outbox.db', fails)).toThrow(
      expect.objectContaining({ code, message: expect.stringMatching(`/data/outbox.db: ${said}`) }),
    );
  });

  it.each([
    ['a broken promise of the schema', new Database.SqliteError('said SQLite', 'SQLITE_CONSTRAINT_UNIQUE')],
    ['anything but SQLite', new TypeError('a bug')],
  ])('is left as the bug that it is when it is %s', (_, error) => {
    const fails = () => {
      throw error;
    };
    expect(() => translating('write', '/data/outbox.db', fails)).toThrow(error);
  });
});
