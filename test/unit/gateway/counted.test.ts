import { expect, it } from 'vitest';
import { counted } from '../../../gateway/counted.ts';

it.each([
  [0, 'card', undefined, '0 cards'],
  [1, 'card', undefined, '1 card'],
  [2, 'card', undefined, '2 cards'],
  [1, 'entry', 'entries', '1 entry'],
  [12, 'entry', 'entries', '12 entries'],
])('%i of %s is said well', (count, one, many, said) => expect(counted(count, one, many)).toBe(said));
