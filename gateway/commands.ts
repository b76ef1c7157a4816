/** The commands that only read: what they print. */
import { stringify } from 'csv-stringify/sync';
import type { Entry } from '../shared/entry.ts';
import type { EntryTime } from '../shared/ports.ts';
import { describeAudit } from './audit/listing.ts';
import type { AuditReport } from './audit/verify.ts';
import { counted } from './counted.ts';
import { type Clone, cloneRemedy } from './enrol/clones.ts';
import { showMoment } from './moment.ts';
import type { QuarantineItem, StoredEntry, StoreReader, StoreReport } from './store/store.ts';

export const entriesFormats = ['ndjson', 'csv'] as const;
export const checkFormats = ['text', 'json'] as const;
export type EntriesFormat = (typeof entriesFormats)[number];
export type CheckFormat = (typeof checkFormats)[number];

/**
 * Every entry, oldest arrival first: as it came, or as a table for a spreadsheet. Where its kiosk's clock was wrong, both
 * say when it was made as well.
 */
export async function* listEntries(store: StoreReader, format: EntriesFormat): AsyncGenerator<string> {
  if (format === 'csv') yield csvHeader();
  for await (const entry of store.entries()) yield format === 'csv' ? csvRow(entry) : `${withCorrection(entry)}\n`;
}

/** What is in quarantine, one JSON object a line; `raw` is base64 of the bytes as they came. */
export async function* listQuarantine(store: StoreReader): AsyncGenerator<string> {
  for await (const item of store.quarantine()) yield `${JSON.stringify(describeItem(item))}\n`;
}

/**
 * Integrity, gaps, how far each upstream is, whether the audit is whole and kiosks are single, and whether all is well.
 * @param configured the upstreams by name: the store knows none that never took anything.
 */
export async function check(
  store: StoreReader,
  audit: AuditReport,
  format: CheckFormat,
  clones: ReadonlyMap<string, Clone> = new Map(),
  configured: readonly string[] = [],
): Promise<{ text: string; sound: boolean }> {
  const stored = await store.check();
  const untouched = configured.filter((name) => stored.upstreams.every(({ upstream }) => upstream !== name));
  const waiting = stored.entries;
  const report = {
    ...stored,
    upstreams: [...stored.upstreams, ...untouched.map((upstream) => ({ upstream, place: 0, waiting }))],
  };
  const cloned = [...clones].map(([kiosk, clone]) => ({ kiosk, ...clone }));
  const text =
    format === 'json'
      ? `${JSON.stringify({ ...report, audit, cloned })}\n`
      : describeReport(report) + describeAudit(audit) + cloned.map(describeClone).join('');
  return { text, sound: [report.damage, report.gaps, audit.problems, cloned].every((found) => found.length === 0) };
}

function describeClone({ kiosk, since, last }: Clone & { readonly kiosk: string }): string {
  return `TWO MACHINES USE THE IDENTITY OF ${kiosk}, since ${showMoment(since)}, last seen ${showMoment(last)}.\n  ${cloneRemedy(kiosk)}\n`;
}

const columns = {
  id: (entry) => entry.id,
  at: (entry) => entry.at,
  clock_synced: (entry) => String(entry.clock.synced),
  kiosk: (entry) => entry.kiosk,
  gate: (entry) => entry.gate,
  direction: (entry) => entry.direction,
  outcome: (entry) => entry.outcome,
  reason: (entry) => entry.reason,
  method: (entry) => entry.method,
  code_kind: (entry) => entry.code.kind,
  code_verified: (entry) => String(entry.code.verified),
  subject: (entry) => entry.subject ?? '',
  epoch: (entry) => entry.epoch,
  seq: (entry) => String(entry.seq),
} satisfies Record<string, (entry: Entry) => string>;

/** Empty where the kiosk's clock was right. */
const correctionColumns = ['corrected_at', 'not_before', 'not_after'];

/** A gate's name may begin with `=`: a spreadsheet must not take it for a formula. */
const csvOptions = { escape_formulas: true };

/** The entry's own JSON, byte for byte; where its time was corrected, with one field more. */
function withCorrection({ body, corrected }: StoredEntry): string {
  if (corrected === undefined) return body;
  return `${body.trimEnd().slice(0, -1)},"corrected":${JSON.stringify(describeTime(corrected))}}`;
}

function describeTime({ bestMs, fromMs, toMs }: EntryTime) {
  return { at: toIso(bestMs), notBefore: toIso(fromMs), notAfter: toIso(toMs) };
}

function toIso(ms: number): string {
  return new Date(ms).toISOString();
}

function csvHeader(): string {
  // The byte order mark makes Excel read UTF-8.
  return stringify([[...Object.keys(columns), ...correctionColumns]], { ...csvOptions, bom: true });
}

function csvRow(stored: StoredEntry): string {
  // The intake has validated what the store holds.
  const entry = JSON.parse(stored.body) as Entry;
  const correction = stored.corrected === undefined ? ['', '', ''] : Object.values(describeTime(stored.corrected));
  return stringify([[...Object.values(columns).map((column) => column(entry)), ...correction]], csvOptions);
}

function describeItem({ position, kiosk, upstream, reason, detail, receivedMs, raw }: QuarantineItem) {
  const received = new Date(receivedMs).toISOString();
  return { position, kiosk, upstream, reason, detail, received, raw: Buffer.from(raw).toString('base64') };
}

function describeReport({ damage, entries, quarantined, gaps, upstreams, purged, erased }: StoreReport): string {
  const lines = [
    `Entries: ${entries}. In quarantine: ${quarantined}.`,
    damage.length === 0 ? 'The database is sound.' : 'THE DATABASE IS DAMAGED:',
    ...damage.map((line) => `  ${line}`),
    gaps.length === 0 ? 'Nothing is missing.' : 'ENTRIES ARE MISSING (still at the kiosk, or lost with its disk):',
    ...gaps.map(
      ({ kiosk, epoch, from, to }) => `  ${kiosk}, outbox ${epoch}: ${from === to ? from : `${from} to ${to}`}`,
    ),
    ...describeRemovals(purged, erased),
    ...upstreams.map(({ upstream, place, waiting }) =>
      place === 0
        ? `Upstream ${upstream}: ${waiting} waiting; it has taken nothing yet.`
        : `Upstream ${upstream}: ${waiting} waiting behind ${place}.`,
    ),
  ];
  return `${lines.join('\n')}\n`;
}

function describeRemovals(purged: StoreReport['purged'], erased: StoreReport['erased']): readonly string[] {
  const describe = ({ entries, quarantined }: StoreReport['erased']) =>
    `${counted(entries, 'entry', 'entries')}, ${counted(quarantined, 'thing')} in quarantine`;
  return [
    ...(purged.untilMs === null
      ? []
      : [`Deleted after their time: ${describe(purged)}, from before ${showMoment(purged.untilMs)}.`]),
    ...(erased.entries + erased.quarantined === 0 ? [] : [`Erased on request: ${describe(erased)}.`]),
  ];
}
