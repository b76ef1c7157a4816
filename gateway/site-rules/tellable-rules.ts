/** The site's rules as kiosks are told them: settings for the head, people as items of lists. */
import { cardDayOf } from '../../shared/card.ts';
import { encodeBar, encodeExpected, personItemBytes, type SiteRules } from '../../shared/site-rules.ts';
import { type ExpectedDays, type KeptRules, readSiteRules, stampOf } from './site-rules-files.ts';

/** What kiosks are told. The same objects as long as nothing has changed. */
export interface TellableRules {
  readonly settings: SiteRules;
  readonly barred: Uint8Array;
  readonly expected: Uint8Array;
  /** When everybody is taken to have left. */
  readonly resets: { readonly resetAt: string | null; readonly resetMs: number | null };
}

/** Where a gateway finds the site's rules. */
export interface SiteRulesSource {
  /** What holds at a moment (milliseconds since the Unix epoch); null where nobody ever said anything. Throws a Fault. */
  read(nowMs: number): TellableRules | null;
}

/** Follows the files, which commands of other processes write. Its `read` throws as {@link readSiteRules}. */
export function watchSiteRules(dataDir: string): SiteRulesSource {
  let known: { readonly key: string; readonly rules: TellableRules } | null = null;
  return {
    read(nowMs) {
      const stamp = stampOf(dataDir);
      if (stamp === null) return null;
      const today = cardDayOf(nowMs);
      const key = `${today} ${stamp}`;
      if (known?.key !== key) known = { key, rules: toTellable(readSiteRules(dataDir), today) };
      return known.rules;
    },
  };
}

/** Bars that have ended and days that are over are left out; yesterday stays, for kiosks whose clock is behind. */
export function toTellable({ settings, barred, expected }: KeptRules, today: number): TellableRules {
  const { reasons, passback, occupancy } = settings;
  const scopes: string[][] = [];
  const scopeOf = (gates: readonly string[]): number => {
    if (gates.length === 0) return 0;
    const key = JSON.stringify(gates);
    const found = scopes.findIndex((scope) => JSON.stringify(scope) === key);
    return found === -1 ? scopes.push([...gates]) : found + 1;
  };
  const bars = barred.flatMap(({ subject, reason, until, gates }) => {
    const lastDay = until === null ? null : dayOf(until);
    if (lastDay !== null && lastDay < today) return [];
    const place = reasons.findIndex(({ code }) => code === reason);
    return [encodeBar(subject, { lastDay, reason: place === -1 ? 0xff : place, scope: scopeOf(gates) })];
  });
  return {
    settings: {
      reasons,
      scopes,
      expected: settings.expected,
      passback,
      occupancy: occupancy && { limit: occupancy.limit, strictness: occupancy.strictness },
    },
    resets: { resetAt: occupancy?.resetAt ?? null, resetMs: settings.resetMs },
    barred: join(bars),
    expected: join([...expectedItems(expected, today - 1)]),
  };
}

/** A day of the files as kiosks count it. @param date `yyyy-MM-dd`, in Viet Nam. */
export function dayOf(date: string): number {
  return cardDayOf(Date.parse(`${date}T12:00:00+07:00`));
}

function* expectedItems(days: ExpectedDays, first: number): Generator<Uint8Array> {
  for (const date of Object.keys(days).sort()) {
    const day = dayOf(date);
    if (day >= first) for (const subject of days[date] ?? []) yield encodeExpected(subject, day);
  }
}

function join(items: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(items.length * personItemBytes);
  for (const [index, item] of items.entries()) all.set(item, index * personItemBytes);
  return all;
}
