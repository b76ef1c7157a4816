/** Takes a written list of passings into the entries, each line once. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Fault } from '../../shared/fault.ts';
import { createSealer, importSiteKey } from '../../shared/identity.ts';
import type { Clock, Log } from '../../shared/ports.ts';
import { openAudit } from '../audit/audit.ts';
import { openSqliteReader } from '../store/sqlite.ts';
import { openTrust } from '../trust/authority.ts';
import { makePaperEntry, type PlacedLine, placeLines } from './backfill-entry.ts';
import { type ClientTarget, sendEntries } from './gateway-client.ts';
import { openPaperKiosk } from './paper-kiosk.ts';
import { readPaperList, type WrongLine } from './paper-list.ts';

export interface BackfillOptions {
  readonly dataDir: string;
  /** The site's name. */
  readonly site: string;
  /** Where the gateway serves. */
  readonly host: string;
  readonly port: number;
  /** The list. */
  readonly path: string;
  /** The gate where it was written. */
  readonly gate: string;
  /** The kiosk that the paper counts as; none of a real machine. */
  readonly kiosk: string;
  readonly why: string | null;
  readonly clock: Clock;
  readonly log: Log;
  readonly signal?: AbortSignal;
}

/** What became of the lines. */
export interface BackfillReport {
  /** On the gateway's disk now, and not before. */
  readonly stored: number;
  /** There before. */
  readonly known: number;
  /** Taken, but into quarantine. */
  readonly quarantined: number;
  readonly wrong: readonly WrongLine[];
}

/**
 * Reads the list and brings what is new to the gateway, which must be serving. Resolves when the gateway has all of it on
 * disk. The lines that are wrong are left out and named. Throws the Faults LIST_UNREADABLE, PAPER_LIST_INVALID, GATEWAY_UNREACHABLE,
 * those of the trust folder, of the store's reading half and of the audit.
 */
export async function backfill(options: BackfillOptions): Promise<BackfillReport> {
  const { dataDir, site, path, gate, clock, log, why } = options;
  const bytes = await readList(path);
  const list = readPaperList(bytes, clock.nowMs());
  if (list.type === 'unusable') throw new Fault('PAPER_LIST_INVALID', `File: ${path}: ${list.reason}.`);
  const trust = await openTrust(join(dataDir, 'trust'), { site, clock, log });
  const audit = openAudit(dataDir, { clock });
  const paper = await openPaperKiosk(options.kiosk, { dataDir, trust, audit, clock });
  const placed = placeLines(list.lines, gate, paper.idKey);
  const fresh = await findFresh(dataDir, placed, paper.kiosk);
  // Which list it was: a digest of its bytes.
  const file = createHash('sha256').update(bytes).digest('hex');
  const counts = { known: placed.length - fresh.length, wrong: list.wrong.length };
  const what = { file, gate, kiosk: paper.kiosk, lines: placed.length + list.wrong.length };
  await audit.record({ action: 'backfill.begun', what: { ...what, new: fresh.length, ...counts }, why });
  const { subjectKey } = trust;
  const sealer = createSealer(await importSiteKey(Buffer.from(trust.notice.key.publicKey, 'base64url')));
  const bodies: string[] = [];
  for (const line of fresh) bodies.push(await makePaperEntry(line, { kiosk: paper.kiosk, gate, subjectKey, sealer }));
  const target: ClientTarget = { ...paper, host: options.host, port: options.port };
  if (bodies.length > 0) await sendEntries(target, bodies, clock, options.signal);
  // Looked up again: acknowledged may also mean quarantined.
  const quarantined = (await findFresh(dataDir, fresh, paper.kiosk)).length;
  const stored = fresh.length - quarantined;
  await audit.record({ action: 'backfill.done', what: { ...what, stored, quarantined, ...counts } });
  return { stored, known: counts.known, quarantined, wrong: list.wrong };
}

async function readList(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    throw new Fault('LIST_UNREADABLE', `File: ${path}`, { cause: error });
  }
}

/** The lines that the store does not have, nor had and deleted when their time was over. */
async function findFresh(dataDir: string, lines: readonly PlacedLine[], kiosk: string): Promise<readonly PlacedLine[]> {
  await using store = await openSqliteReader({ dir: dataDir });
  const known = await store.findKnown(lines.map(({ id }) => id));
  const removed = await store.findRemoved(lines.map(({ epoch }) => ({ kiosk, epoch, seq: 1 })));
  const gone = new Set(removed.map(({ epoch }) => epoch));
  return lines.filter(({ id, epoch }) => !known.has(id) && !gone.has(epoch));
}
