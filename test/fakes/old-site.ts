/** A gateway's data directory with a past: entries that arrived long ago, were forwarded to its own file, and more. */
import { join } from 'node:path';
import { parse as parseUuid } from 'uuid';
import { readArrival } from '../../gateway/intake.ts';
import { openSqliteStore } from '../../gateway/store/sqlite.ts';
import { openSqliteRemover } from '../../gateway/store/sqlite-remover.ts';
import type { Arrival } from '../../gateway/store/store.ts';
import { openTrust } from '../../gateway/trust/authority.ts';
import { createFileUpstream } from '../../gateway/upstream/file-upstream.ts';
import { createSealer, importSiteKey, subjectOf } from '../../shared/identity.ts';
import { systemClock } from '../../shared/system/clock.ts';
import { makeEntry } from './entries.ts';
import { filesBelow } from './files-below.ts';
import { RecordingLog } from './recording-log.ts';
import { idNumber } from './site.ts';

export const dayMs = 86_400_000;

/** The name of the upstream that a gateway has unless told otherwise. */
export const ownUpstream = 'file:./upstream.ndjson';

/** An entry of the past. */
export interface OldEntry {
  readonly id: string;
  readonly subject: string;
  readonly ct: string;
  readonly body: string;
  readonly arrival: Arrival;
}

/** A UUID of version 7 that was made at a moment. */
export function uuidAt(ms: number, number: number): string {
  const hex = ms.toString(16).padStart(12, '0');
  const tail = (number * 0x9e37 + 0x1234_5678).toString(16).padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8)}-7${tail.slice(0, 3)}-8${tail.slice(3, 6)}-${tail.padStart(12, '7')}`;
}

/**
 * Makes entries that arrived at `receivedMs`, of persons `personOf(seq)`, and puts them into the store, which nobody
 * serves; all of them are forwarded, to the file and by the store's own account, unless `forwarded` says how many.
 */
export async function makePast(
  dir: string,
  past: { from: number; count: number; receivedMs: number; personOf: (seq: number) => number; forwarded?: number },
  more: readonly Arrival[] = [],
): Promise<readonly OldEntry[]> {
  const log = new RecordingLog();
  const trust = await openTrust(join(dir, 'trust'), { site: 'ravao', clock: systemClock, log });
  const sealer = createSealer(await importSiteKey(Buffer.from(trust.notice.key.publicKey, 'base64url')));
  const made: OldEntry[] = [];
  for (let seq = past.from; seq < past.from + past.count; seq++) {
    const number = idNumber(past.personOf(seq));
    const id = uuidAt(past.receivedMs - 1000, seq);
    const identity = await sealer.seal({ name: 'Nguyễn Thử', number }, id);
    const subject = subjectOf(trust.subjectKey, number);
    const at = new Date(past.receivedMs - 1000).toISOString();
    const { body, payload } = makeEntry(seq, { id, subject, identity, at });
    made.push({ id, subject, ct: identity.ct, body, arrival: readArrival('gate-a', payload, past.receivedMs) });
  }
  await using store = await openSqliteStore({ dir, log });
  await store.append([...made.map(({ arrival }) => arrival), ...more]);
  const taken = past.forwarded ?? made.length;
  const waiting = (await store.readNext(ownUpstream, { entriesMax: 500, bytesMax: 1e9 })).at(0)?.position ?? 1;
  const upstream = createFileUpstream({
    name: ownUpstream,
    path: join(dir, 'upstream.ndjson'),
    clock: systemClock,
    log,
  });
  const signal = new AbortController().signal;
  for (let left = taken; left > 0; ) {
    const entries = await store.readNext(ownUpstream, { entriesMax: Math.min(left, 500), bytesMax: 1e9 });
    await upstream.send({ key: 'k', entries }, signal);
    await store.markForwarded(ownUpstream, entries.at(-1)?.position ?? waiting, [], past.receivedMs);
    left -= entries.length;
  }
  await using remover = await openSqliteRemover({ dir, clock: systemClock, isServing: true });
  await remover.noteTaken([ownUpstream], past.receivedMs);
  return made;
}

/** Every form in which an entry might still lie somewhere. */
export function formsOf({ id, subject, ct }: OldEntry): readonly Buffer[] {
  const rawId = Buffer.from(parseUuid(id));
  const raw = [rawId, Buffer.from(subject, 'base64url'), Buffer.from(ct, 'base64url')];
  const texts = [id, id.toUpperCase(), subject, ct];
  return [
    ...raw,
    ...raw.flatMap((bytes) => [Buffer.from(bytes.toString('hex')), Buffer.from(bytes.toString('base64url'))]),
    ...texts.map((text) => Buffer.from(text)),
    ...texts.map((text) => Buffer.from(Buffer.from(text).toString('hex'))),
  ];
}

/** Every file below a folder that holds a form of one of these entries, with what it is. */
export function grep(dir: string, entries: readonly OldEntry[]): readonly string[] {
  const needles = entries.flatMap((entry) =>
    formsOf(entry).map((bytes, form) => ({ bytes, what: `${entry.id} ${form}` })),
  );
  return [...filesBelow(dir)].flatMap(([path, bytes]) =>
    needles.filter((needle) => bytes.includes(needle.bytes)).map(({ what }) => `${path}: ${what}`),
  );
}
