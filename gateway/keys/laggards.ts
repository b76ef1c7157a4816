/** Which kiosks still work with a key that another has taken the place of. */
import type { Enrolled, Revoked, Used } from '../trust/enrolled.ts';
import type { TrustContents } from '../trust/trust-files.ts';

/** The kinds of keys that kiosks have. */
export const kioskKeyKinds = ['site', 'subject', 'authority'] as const;
export type KioskKeyKind = (typeof kioskKeyKinds)[number];

/** A kiosk and the number of the generation that it has; null where it has one that is gone. */
export interface Laggard {
  readonly kiosk: string;
  readonly number: number | null;
}

/** What is known of the site's kiosks. */
export interface KioskRecords {
  readonly enrolled: readonly Enrolled[];
  readonly revoked: readonly Revoked[];
  readonly used: readonly Used[];
  /** Kiosks that are none: paper takes the newest keys by itself. */
  readonly paper: readonly string[];
}

/**
 * The kiosks that are not cut off and do not have the newest generation, by name. What a kiosk has is told by the
 * certificate that it last came with, since all of it is replaced at once; until it has come, by the last that was made for it.
 */
export function findLaggards(
  contents: TrustContents,
  records: KioskRecords,
): Readonly<Record<KioskKeyKind, readonly Laggard[]>> {
  const generations = {
    site: contents.sealingKeys,
    subject: contents.subjectKeys,
    authority: contents.authorities,
  } as const;
  const certificates = certificatesInUse(records);
  const of = (kind: KioskKeyKind): readonly Laggard[] => {
    const known = generations[kind];
    const newestId = known.at(-1)?.id;
    return certificates.flatMap(({ kiosk, keys }) => {
      // Records of the first version name no key: then there was one of each.
      const generation = known.find((one) => (keys === undefined ? one.number === 1 : one.id === keys[kind]));
      return generation?.id === newestId ? [] : [{ kiosk, number: generation?.number ?? null }];
    });
  };
  return { site: of('site'), subject: of('subject'), authority: of('authority') };
}

function certificatesInUse({ enrolled, revoked, used, paper }: KioskRecords): readonly Enrolled[] {
  const cutOff = new Set(revoked.map(({ serial }) => serial));
  const bySerial = new Map(enrolled.map((one) => [one.serial, one]));
  const good = enrolled.filter(({ serial, kiosk }) => !cutOff.has(serial) && !paper.includes(kiosk));
  const inUse = new Map(good.map((one) => [one.kiosk, one]));
  const lastUsed = new Map(used.map(({ kiosk, serial }) => [kiosk, serial]));
  for (const kiosk of inUse.keys()) {
    const came = bySerial.get(lastUsed.get(kiosk) ?? '');
    if (came !== undefined && came.kiosk === kiosk && !cutOff.has(came.serial)) inUse.set(kiosk, came);
  }
  return [...inUse.values()].sort((a, b) => (a.kiosk < b.kiosk ? -1 : 1));
}
