import Database from 'better-sqlite3';
import { expect, test } from 'vitest';
import { migrate } from '../../../gateway/store/migrations.ts';
import { Traits } from '../../../gateway/store/traits.ts';

test('each trait keeps its number, however many there are and whatever is forgotten', () => {
  const database = new Database(':memory:');
  migrate(database);
  const traits = new Traits(database);
  const numberOf = (gate: number) =>
    traits.numberOf({ gate: `Cổng ${gate}`, direction: 'in', outcome: 'admitted', kind: 'card' });
  const gates = Array.from({ length: 12_000 }, (_, index) => index);
  const first = database.transaction(() => gates.map(numberOf))();
  expect(new Set(first).size).toBe(12_000);
  expect(gates.map(numberOf)).toEqual(first);
  traits.forget();
  expect(gates.slice(0, 9).map(numberOf)).toEqual(first.slice(0, 9));
});
