import Database from 'better-sqlite3';
import { expect, test } from 'vitest';
import { migrate, migrations, readVersion } from '../../../gateway/store/migrations.ts';

const steps = ['CREATE TABLE one (a INTEGER)', 'ALTER TABLE one ADD COLUMN b TEXT', 'CREATE INDEX one_by_b ON one (b)'];

test('a new database gets every step, in order', () => {
  const database = new Database(':memory:');
  migrate(database, steps);
  expect(readVersion(database)).toBe(3);
  database.exec("INSERT INTO one VALUES (1, 'x')");
});

test('an older database gets only the steps it lacks, and keeps what it holds', () => {
  const database = new Database(':memory:');
  migrate(database, steps.slice(0, 1));
  database.exec('INSERT INTO one VALUES (1)');
  migrate(database, steps);
  expect(readVersion(database)).toBe(3);
  expect(database.prepare('SELECT * FROM one').all()).toEqual([{ a: 1, b: null }]);
});

test('a step that fails leaves the version before it, with nothing of that step', () => {
  const database = new Database(':memory:');
  const broken = [...steps.slice(0, 1), 'CREATE TABLE two (a); INSERT INTO nowhere VALUES (1)'];
  expect(() => migrate(database, broken)).toThrow(/nowhere/);
  expect(readVersion(database)).toBe(1);
  expect(() => database.exec('SELECT * FROM two')).toThrow(/two/);
  migrate(database, steps);
  expect(readVersion(database)).toBe(3);
});

test('the steps of the store work one after the other', () => {
  const database = new Database(':memory:');
  migrate(database);
  expect(readVersion(database)).toBe(migrations.length);
});
