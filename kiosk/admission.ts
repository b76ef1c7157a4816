/**
 * Whether somebody with a good code passes, by what the site wants: a pure function. Two things come before all others:
 * nobody is ever kept in, and what cannot be known for sure (the day without a trusted clock, the others' passages
 * without the gateway) warns instead of refusing.
 */
import { type AdmissionReason, warningTexts } from '../shared/code/refusal-texts.ts';
import type { Direction } from '../shared/entry.ts';
import type { Strictness } from '../shared/site-rules.ts';

/** On a gate of both directions, and for passback: who came in longer ago than this is taken to have left unseen. In milliseconds. */
export const stayMsMax = 16 * 60 * 60 * 1000;

/** What the site's rules say of one person at one gate at one moment. */
export interface AdmissionFacts {
  /** Whether the day and the times of passages can be trusted. */
  readonly clockSynced: boolean;
  /** Whether what other gates told is (nearly) all there is to know: connected, or not long ago. */
  readonly othersKnown: boolean;
  /** Days in Viet Nam, as on printed cards. */
  readonly today: number;
  /** Null: not barred here. `lastDay` null: without end. `text` is for the guard, `code` for the log. */
  readonly bar: { readonly lastDay: number | null; readonly text: string | null; readonly code: string | null } | null;
  readonly expected: { readonly strictness: Strictness; readonly isListed: boolean };
  readonly passback: {
    readonly strictness: Strictness;
    readonly last: { readonly direction: Direction; readonly agoMs: number } | null;
  };
  /** `inside`: as far as is known, null where it is not. Null: no limit. */
  readonly occupancy: {
    readonly strictness: 'warn' | 'refuse';
    readonly limit: number;
    readonly inside: number | null;
  } | null;
}

/** What becomes of the person. `note` is for the guard, where it is not the text of `reason`. */
export type Admission =
  | {
      readonly outcome: 'admitted';
      readonly reason: 'ok';
      readonly warnings: readonly AdmissionReason[];
      readonly note?: string;
    }
  | {
      readonly outcome: 'refused';
      readonly reason: AdmissionReason;
      readonly warnings: readonly AdmissionReason[];
      readonly note?: string;
    };

/** In the order in which they are told. */
const rules: readonly {
  readonly reason: AdmissionReason;
  readonly weigh: (facts: AdmissionFacts, direction: Direction) => Strictness;
}[] = [
  { reason: 'barred', weigh: weighBar },
  { reason: 'not-expected', weigh: weighExpected },
  { reason: 'passback', weigh: weighPassback },
  { reason: 'full', weigh: weighOccupancy },
];

/** Decides. @param facts null where the site wants nothing. */
export function judge(facts: AdmissionFacts | null, direction: Direction): Admission {
  if (facts === null) return { outcome: 'admitted', reason: 'ok', warnings: [] };
  const weighed = rules.map(({ reason, weigh }) => ({ reason, weight: weigh(facts, direction) }));
  const refusal = weighed.find(({ weight }) => weight === 'refuse')?.reason;
  const warnings = weighed.filter(({ weight }) => weight === 'warn').map(({ reason }) => reason);
  if (refusal !== undefined) {
    const text = refusal === 'barred' ? facts.bar?.text : null;
    return { outcome: 'refused', reason: refusal, warnings, ...(text && { note: text }) };
  }
  const [first] = warnings;
  if (first === undefined) return { outcome: 'admitted', reason: 'ok', warnings };
  return { outcome: 'admitted', reason: 'ok', warnings, note: warningTexts[first].vi };
}

function weighBar({ bar, clockSynced, today }: AdmissionFacts, direction: Direction): Strictness {
  if (bar === null) return 'off';
  const isBounded = bar.lastDay !== null;
  if (isBounded && clockSynced && bar.lastDay < today) return 'off';
  return direction === 'out' || (isBounded && !clockSynced) ? 'warn' : 'refuse';
}

function weighExpected({ expected, clockSynced }: AdmissionFacts, direction: Direction): Strictness {
  if (direction === 'out' || expected.isListed) return 'off';
  return clockSynced ? expected.strictness : soften(expected.strictness);
}

function weighPassback({ passback, clockSynced, othersKnown }: AdmissionFacts, direction: Direction): Strictness {
  const { strictness, last } = passback;
  if (last === null || last.direction !== direction || last.agoMs >= stayMsMax) return 'off';
  const isSure = clockSynced && othersKnown && direction === 'in';
  return isSure ? strictness : soften(strictness);
}

function weighOccupancy({ occupancy, othersKnown }: AdmissionFacts, direction: Direction): Strictness {
  if (direction === 'out' || occupancy === null || occupancy.inside === null) return 'off';
  if (occupancy.inside < occupancy.limit) return 'off';
  return othersKnown ? occupancy.strictness : soften(occupancy.strictness);
}

function soften(strictness: Strictness): Strictness {
  return strictness === 'refuse' ? 'warn' : strictness;
}
