/** Ids for kiosks that nobody named. */
import { kioskIdSchema } from '../../shared/topics.ts';

/** The longest an id made of a gate's name is; what tells it from others may come behind. */
const charsMax = 56;

/**
 * An id made of a gate's name: `Cổng A` is `cong-a`; where that is taken, `cong-a-2` and so on.
 * @param taken ids that are given out.
 */
export function deriveKioskId(gate: string, taken: ReadonlySet<string>): string {
  const plain = gate
    .toLowerCase()
    .replaceAll('đ', 'd')
    .normalize('NFD')
    .replace(/\p{M}/gu, '')
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, charsMax)
    .replace(/^-+|-+$/g, '');
  const base = kioskIdSchema.safeParse(plain).success ? plain : 'gate';
  let id = base;
  for (let number = 2; taken.has(id); number++) id = `${base}-${number}`;
  return id;
}
