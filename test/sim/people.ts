/** Made-up people and their cards. */
import { subjectOf } from '../../shared/identity.ts';

/** The site's key for pseudonyms in every simulated world. */
export const subjectKey = new Uint8Array(32).fill(7);

const surnames = ['Nguyễn', 'Trần', 'Lê', 'Phạm', 'Hoàng', 'Võ', 'Đặng', 'Bùi'];
const givenNames = ['An', 'Bình', 'Châu', 'Dũng', 'Giang', 'Hạnh', 'Khôi', 'Linh'];

export interface Person {
  readonly card: string;
  readonly subject: string;
}

/** A person by number: the same number, the same person. */
export function person(number: number): Person {
  const id = `0010${String(60 + (number % 40)).padStart(2, '0')}${String(number % 1_000_000).padStart(6, '0')}`;
  const name = `${surnames[number % 8]} Văn ${givenNames[Math.floor(number / 8) % 8]}`;
  const card = `${id}||${name}|01011990|Nam|Xã X, Huyện Y, Tỉnh Z|15082021`;
  return { card, subject: subjectOf(subjectKey, id) };
}
