/**
 * Entries as CloudEvents 1.0 in the JSON batch format, as one HTTP request carries them.
 * Sources: CloudEvents spec 1.0.2 §"Context Attributes", JSON format §4 "JSON Batch Format", HTTP binding §3.3 "Batched Content Mode".
 */
import { controlKind } from '../../shared/control-use.ts';
import type { EntryTime, ForwardEntry } from '../../shared/ports.ts';

export const batchContentType = 'application/cloudevents-batch+json; charset=UTF-8';

/** The type of every event: version 1 of an entry. */
export const eventType = 'vn.ravao.entry.v1';

/** The type of an event in which nobody passed: a guard's card has set a gate. Its data has the form of an entry. */
export const controlEventType = 'vn.ravao.control.v1';

/** What tells such an entry, in its JSON. */
const controlKindMark = `"kind":${JSON.stringify(controlKind)}`;

/** One entry as an event. Its `data` is the entry's own JSON, spliced in byte for byte. */
export function encodeEvent(entry: ForwardEntry, site: string): string {
  const envelope = JSON.stringify({
    specversion: '1.0',
    id: entry.id,
    source: `/sites/${encodeURIComponent(site.toWellFormed())}/kiosks/${encodeURIComponent(entry.kiosk)}`,
    type: entry.body.includes(controlKindMark) ? controlEventType : eventType,
    // An attribute is never null or empty (spec §"Type System"): without a subject it is left out.
    ...(entry.subject === null || entry.subject === '' ? {} : { subject: entry.subject }),
    time: withSeconds(entry.at),
    ...(entry.corrected === undefined ? {} : correctionOf(entry.corrected)),
    datacontenttype: 'application/json',
  });
  return `${envelope.slice(0, -1)},"data":${entry.body}}`;
}

/**
 * Extension attributes (spec §"Extension Context Attributes"; names of lower-case letters, at most 20) where the kiosk's
 * clock was wrong: `time` stays what it wrote, these say when the entry was made by the gateway's best knowledge, and
 * between which times it surely was.
 */
function correctionOf({ bestMs, fromMs, toMs }: EntryTime) {
  const [correctedtime, notbefore, notafter] = [bestMs, fromMs, toMs].map((ms) => new Date(ms).toISOString());
  return { correctedtime, notbefore, notafter };
}

/** The body of one request: a JSON array of events. */
export function encodeBatch(entries: readonly ForwardEntry[], site: string): string {
  return `[${entries.map((entry) => encodeEvent(entry, site)).join(',')}]`;
}

/** ISO 8601 allows a time without seconds, and so does an entry; RFC 3339 and so CloudEvents do not. */
function withSeconds(at: string): string {
  return at.replace(/(T\d\d:\d\d)Z$/, '$1:00Z');
}
