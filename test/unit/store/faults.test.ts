import Database from 'better-sqlite3';
import { describe, expect, test } from 'vitest';
import { spoilsConnection, toStoreFault } from '../../../gateway/store/faults.ts';
import { Fault, type FaultCode } from '../../../shared/fault.ts';

const sqlite = (code: string) => new Database.SqliteError('made up', code);
const system = (code: string) => Object.assign(new Error('made up'), { code, syscall: 'open' });

describe('an error becomes a fault', () => {
  test.each<[string, 'open' | 'read' | 'write', Error, FaultCode]>([
    ['a full disk', 'write', sqlite('SQLITE_FULL'), 'STORE_WRITE_FAILED'],
    ['a failed fsync', 'write', sqlite('SQLITE_IOERR_FSYNC'), 'STORE_WRITE_FAILED'],
    ['a busy file', 'write', sqlite('SQLITE_BUSY'), 'STORE_WRITE_FAILED'],
    ['a busy snapshot', 'write', sqlite('SQLITE_BUSY_SNAPSHOT'), 'STORE_WRITE_FAILED'],
    ['a disk mounted read-only', 'write', sqlite('SQLITE_READONLY'), 'STORE_WRITE_FAILED'],
    ['a file that cannot be opened again', 'write', sqlite('SQLITE_CANTOPEN'), 'STORE_WRITE_FAILED'],
    ['a failed read', 'read', sqlite('SQLITE_IOERR_READ'), 'STORE_READ_FAILED'],
    ['damage found while writing', 'write', sqlite('SQLITE_CORRUPT_INDEX'), 'STORE_CORRUPT'],
    ['damage found while reading', 'read', sqlite('SQLITE_CORRUPT'), 'STORE_CORRUPT'],
    ['no database', 'open', sqlite('SQLITE_NOTADB'), 'STORE_CORRUPT'],
    ['a lock at the start', 'open', sqlite('SQLITE_BUSY'), 'DATA_DIR_IN_USE'],
    ['a file that may not be opened', 'open', sqlite('SQLITE_CANTOPEN'), 'DATA_DIR_UNUSABLE'],
    ['a folder that may not be written', 'open', system('EACCES'), 'DATA_DIR_UNUSABLE'],
  ])('%s during %s', (_, work, error, code) => {
    const fault = toStoreFault(error, work, '/data/store.db');
    expect(fault).toMatchObject({ name: 'Fault', code, cause: error });
    expect(String(fault)).toContain('/data/store.db');
  });

  test.each([
    ['a broken constraint', sqlite('SQLITE_CONSTRAINT_FOREIGNKEY')],
    ['a wrong statement', sqlite('SQLITE_ERROR')],
    ['a bug', new TypeError('made up')],
    ['a Fault', new Fault('STORE_MISSING', 'made up')],
  ])('but %s stays what it is', (_, error) => {
    expect(toStoreFault(error, 'write', '/data/store.db')).toBe(error);
  });
});

test.each([
  ['SQLITE_FULL', false],
  ['SQLITE_BUSY', false],
  ['SQLITE_IOERR_FSYNC', true],
  ['SQLITE_IOERR_WRITE', true],
  ['SQLITE_CORRUPT', true],
  ['SQLITE_READONLY_DBMOVED', true],
])('after %s it is %s that the connection must be opened again', (code, expected) => {
  expect(spoilsConnection(sqlite(code))).toBe(expected);
});
