/** Which keys a site has and who lags behind, for people and for programs. */
import { showMoment } from '../moment.ts';
import type { Trust } from '../trust/authority.ts';
import { hasIssuer, readOwnIssuers } from '../trust/issuer.ts';
import { type KeyKind, keyKinds, newestOf, readKeyHistory } from '../trust/key-ledger.ts';
import type { KeysContext } from './command.ts';
import { findLaggards, type Laggard } from './laggards.ts';
import { readKioskRecords } from './site-records.ts';

/** One generation of a key, as it is listed. */
export interface ListedKey {
  readonly kind: KeyKind;
  readonly number: number;
  /** Its key id or, of an authority, the first 16 hex digits of its certificate's SHA-256; null where it is believed no more. */
  readonly id: string | null;
  /** When it was made; null for the first, which is as old as the site. */
  readonly since: string | null;
  /** `current`: new things are made with it. `former`: what it made can still be read. `retired`: not even that. */
  readonly state: 'current' | 'former' | 'retired';
  /** Of a sealing key: whether its private half lies on this machine unprotected. */
  readonly isPrivateKeyHere?: boolean;
  /** Of an authority: whether the gateway shows a certificate by it. */
  readonly isShown?: boolean;
  /** The kiosks that have this one, though it is not the newest. */
  readonly laggards: readonly string[];
}

/** What there is to say of a site's keys. */
export interface KeyState {
  readonly keys: readonly ListedKey[];
  readonly laggards: Readonly<Record<KeyKind, readonly Laggard[]>>;
  /** Rotations that were cut off, and are ended by running them again. */
  readonly unfinished: readonly KeyKind[];
}

/** Reads it. Throws the Faults of the trust folder. */
export async function readKeyState(
  trust: Pick<Trust, 'contents' | 'enrolled' | 'revoked' | 'used'>,
  { folder, config }: Pick<KeysContext, 'folder' | 'config'>,
): Promise<KeyState> {
  const { contents } = trust;
  const history = readKeyHistory(folder);
  const laggards = { ...findLaggards(contents, await readKioskRecords(trust, config.dataDir)), issuer: [] };
  const issuers = hasIssuer(folder) ? readOwnIssuers(folder) : [];
  const ids: Record<KeyKind, ReadonlyMap<number, string>> = {
    site: idsOf(contents.sealingKeys),
    subject: idsOf(contents.subjectKeys),
    authority: idsOf(contents.authorities),
    issuer: idsOf(issuers),
  };
  const keys = keyKinds.flatMap((kind) =>
    history.generations[kind].flatMap(({ number, at, isRetired }): ListedKey[] => {
      // No card was ever issued.
      if (kind === 'issuer' && issuers.length === 0) return [];
      const isCurrent = number === newestOf(history, kind).number;
      const sealing = kind === 'site' ? contents.sealingKeys.find((key) => key.number === number) : undefined;
      return [
        {
          ...{ kind, number, id: ids[kind].get(number) ?? null, since: at },
          state: isCurrent ? 'current' : isRetired ? 'retired' : 'former',
          ...(sealing !== undefined && { isPrivateKeyHere: sealing.isPrivateKeyHere }),
          ...(kind === 'authority' && { isShown: number === history.servingAuthority }),
          laggards: laggards[kind].filter((one) => one.number === number).map(({ kiosk }) => kiosk),
        },
      ];
    }),
  );
  return { keys, laggards, unfinished: keyKinds.filter((kind) => history.unfinished[kind] !== undefined) };
}

function idsOf(keys: readonly { readonly number: number; readonly id: string }[]): ReadonlyMap<number, string> {
  return new Map(keys.map(({ number, id }) => [number, id]));
}

const titles: Readonly<Record<KeyKind, string>> = {
  site: 'site: identities are sealed to it',
  subject: 'subject: pseudonyms are made with it',
  authority: 'authority: certificates are signed by it',
  issuer: 'issuer: printed cards are signed by it',
};

/** The state as lines for a person. */
export function* describeKeys({ keys, laggards, unfinished }: KeyState): Generator<string> {
  for (const kind of keyKinds) {
    const own = keys.filter((key) => key.kind === kind);
    yield `${titles[kind]}\n`;
    if (own.length === 0) yield '  none: it is made at the first card\n';
    for (const key of own) yield `  ${describeKey(key)}\n`;
    if (laggards[kind].length > 0) yield `  not yet moved: ${namesOf(laggards[kind])}\n`;
    if (unfinished.includes(kind)) yield `  a change was cut off: run "keys rotate ${kind}" again\n`;
  }
}

function describeKey({ number, id, since, state, isPrivateKeyHere, isShown }: ListedKey): string {
  const parts = [
    `${number}  ${id ?? '-'}`,
    since === null ? 'since the beginning' : `since ${showMoment(since)}`,
    state,
  ];
  if (isPrivateKeyHere === true) parts.push('site.key lies here in clear');
  if (isShown === true) parts.push('shown by the gateway');
  return parts.join(', ');
}

/** The state as JSON, one object a key. */
export function* describeKeysAsJson({ keys }: KeyState): Generator<string> {
  for (const key of keys) yield `${JSON.stringify(key)}\n`;
}

/** Kiosks by name, as a list for a person. */
export function namesOf(laggards: readonly Laggard[]): string {
  return laggards.map(({ kiosk }) => kiosk).join(', ');
}
