/**
 * What a site wants of its gates beyond a good code: who is barred, who is expected, passback and occupancy. The settings
 * travel in the head of the rules, the people in its lists `barred` and `expected`. The README tells the whole way.
 */
import { z } from 'zod';

/** What becomes of somebody who is not as the site wants: nothing, a warning with the green light, or red. */
export const strictnesses = ['off', 'warn', 'refuse'] as const;
export type Strictness = (typeof strictnesses)[number];

/** Limits of the settings; together they fit into a head. */
export const siteRulesLimits = {
  /** People in each list. */
  peoplePerListMax: 100_000,
  reasonsMax: 32,
  reasonCharsMax: 56,
  /** Different sets of gates that people are barred at. */
  scopesMax: 32,
  gatesMax: 16,
  /** All settings together as JSON, in bytes. */
  settingsBytesMax: 10 * 1024,
} as const;

const { reasonsMax, reasonCharsMax, scopesMax, gatesMax, peoplePerListMax } = siteRulesLimits;
const strictness = z.enum(strictnesses);
const place = z.string().min(1).max(200);

/** Why somebody is barred: what the guard is told. */
export const barReasonSchema = z.looseObject({
  code: z.string().regex(/^[a-z][a-z0-9-]{0,31}$/, 'must be 1 to 32 lower-case letters, digits and hyphens'),
  vi: z.string().min(1).max(reasonCharsMax),
  en: z.string().min(1).max(reasonCharsMax),
});
export type BarReason = z.infer<typeof barReasonSchema>;

/** The settings as a head carries them, in `site`. */
export const siteRulesSchema = z.looseObject({
  /** An item of `barred` names its reason by the place in here. */
  reasons: z.array(barReasonSchema).max(reasonsMax),
  /** Gates (or kiosk ids) that people are barred at; an item of `barred` names one by its place in here, from 1. */
  scopes: z.array(z.array(place).min(1).max(gatesMax)).max(scopesMax),
  expected: strictness,
  /** `gates`: where it is otherwise, by the gate's name or the kiosk's id. */
  passback: z.looseObject({ everywhere: strictness, gates: z.record(place, strictness) }),
  occupancy: z
    .looseObject({ limit: z.int().min(1).max(peoplePerListMax), strictness: z.enum(['warn', 'refuse']) })
    .nullable(),
});
export type SiteRules = z.infer<typeof siteRulesSchema>;

/** What holds where nobody said anything. */
export const noSiteRules: SiteRules = {
  reasons: [],
  scopes: [],
  expected: 'off',
  passback: { everywhere: 'off', gates: {} },
  occupancy: null,
};

/** How strict passback is at a gate. */
export function passbackAt({ passback }: SiteRules, gate: string, kiosk: string): Strictness {
  return passback.gates[kiosk] ?? passback.gates[gate] ?? passback.everywhere;
}

/** A subject in a list, in bytes: the first 128 of its 132 bits. */
export const subjectBytes = 16;

/** An item of `barred` (subject 16, last day 2, reason 1, scope 1) and of `expected` (subject 16, day 2, zero 2), big-endian. */
export const personItemBytes = 20;

/** The last day of a bar that has no end. Days are those of printed cards (`card.ts`). */
const noLastDay = 0xffff;

/** A bar as its item says it. */
export interface Bar {
  /** The last day on which it holds; null where it has no end. */
  readonly lastDay: number | null;
  /** The place of its reason in the settings. */
  readonly reason: number;
  /** The place of its gates in the settings, from 1; 0: everywhere. */
  readonly scope: number;
}

/** How a subject stands in a list. @param subject 22 base64url characters. */
export function listedSubject(subject: string): Uint8Array {
  return Buffer.from(subject, 'base64url').subarray(0, subjectBytes);
}

/** Writes an item of `barred`. */
export function encodeBar(subject: string, { lastDay, reason, scope }: Bar): Uint8Array {
  const item = newItem(subject);
  item.setUint16(subjectBytes, lastDay ?? noLastDay);
  item.setUint8(subjectBytes + 2, reason);
  item.setUint8(subjectBytes + 3, scope);
  return new Uint8Array(item.buffer);
}

/** Reads an item of `barred`. */
export function decodeBar(item: Uint8Array): Bar {
  const view = new DataView(item.buffer, item.byteOffset, item.byteLength);
  const lastDay = view.getUint16(subjectBytes);
  return {
    lastDay: lastDay === noLastDay ? null : lastDay,
    reason: view.getUint8(subjectBytes + 2),
    scope: view.getUint8(subjectBytes + 3),
  };
}

/** Writes an item of `expected`; one is looked up by making it again. @param day as on printed cards. */
export function encodeExpected(subject: string, day: number): Uint8Array {
  const item = newItem(subject);
  item.setUint16(subjectBytes, day);
  return new Uint8Array(item.buffer);
}

function newItem(subject: string): DataView<ArrayBuffer> {
  const item = new Uint8Array(personItemBytes);
  item.set(listedSubject(subject));
  return new DataView(item.buffer);
}
