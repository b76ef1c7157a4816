/** Under which pseudonyms somebody may be known here: the site's key of pseudonyms changes now and then. */
import { subjectOf } from '../shared/identity.ts';
import type { Outbox, Passage } from './outbox.ts';
import type { Sight } from './station.ts';

/** Keys of pseudonyms: the one in use, then those before it, the newest first. */
export type SubjectKeys = readonly [Uint8Array, ...Uint8Array[]];

/** One for each key, in the order of the keys; none where the code gave nobody. */
export function pseudonymsOf(sight: Sight, subjectKeys: SubjectKeys): readonly string[] {
  return 'code' in sight ? subjectKeys.map((key) => subjectOf(key, sight.code.number)) : [];
}

/** Where somebody went last at this kiosk; null where it knows of nothing. */
export function lastPassageOf(subjects: readonly string[], outbox: Pick<Outbox, 'lastDirection'>): Passage | null {
  const newer = (one: Passage | null, other: Passage | null) =>
    other !== null && other.atMs > (one?.atMs ?? Number.NEGATIVE_INFINITY) ? other : one;
  return subjects.map((subject) => outbox.lastDirection(subject)).reduce(newer, null);
}
