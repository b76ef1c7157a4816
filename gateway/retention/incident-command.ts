/** `incident` on the command line. */
import { dirname, join, resolve } from 'node:path';
import { parseCommandLine, refuseArguments } from '../../shared/command-line.ts';
import { describeError, Fault } from '../../shared/fault.ts';
import type { Clock } from '../../shared/ports.ts';
import { makeDurableFolder } from '../../shared/system/durable.ts';
import { exitCode } from '../../shared/system/program.ts';
import { openAudit } from '../audit/audit.ts';
import { readAuditLine } from '../audit/audit-line.ts';
import { findLines } from '../audit/finding.ts';
import { listAudit } from '../audit/listing.ts';
import { verifyAudit } from '../audit/verify.ts';
import { counted } from '../counted.ts';
import { parseSpanEnd } from '../moment.ts';
import { holdKeys, readPlainKeys, readWrappedFile, wrappedPath } from '../officer/site-keys.ts';
import { openSqliteReader } from '../store/sqlite.ts';
import { makeFolder, secretFileMode } from '../trust/durable-file.ts';
import { readEnrolled, readRevoked } from '../trust/enrolled.ts';
import { trustFiles } from '../trust/trust-files.ts';
import { countCards } from './incident-cards.ts';
import { gatherFacts, type Span } from './incident-facts.ts';
import { findClearSpans, keyActions, within } from './incident-keys.ts';
import { type IncidentSite, writePack } from './incident-pack.ts';
import type { Keeping } from './purging.ts';
import { requireStore } from './store-there.ts';

/** A reason may have so many characters. */
const whyCharsMax = 500;

export const incidentHelp = `incident: a pack for the notice that is due 72 hours after a breach was noticed.

  npm run -s gateway -- incident --why TEXT --from TIME --to TIME --out FOLDER
                                 [--pseudonyms]

What was held of passages in that time: how many of how many people, since when,
at which gates, how many printed cards there were, how all of it was protected
and since when, where it was forwarded to, which kiosks there were, and the
audit. Counts only, with a page in Vietnamese; --pseudonyms adds those of the
people. TIME is like "20/11/2026 07:30" or 2026-11-20T07:30, in Viet Nam; a day
alone is the whole day.
`;

/** What the command is given by the program. */
export interface IncidentSurroundings {
  readonly config: Keeping & { readonly site: string };
  readonly clock: Clock;
  readonly print: (pieces: Iterable<string>) => Promise<unknown>;
  readonly warn: (text: string) => void;
}

interface Order {
  readonly why: string;
  readonly span: Span;
  readonly out: string;
  readonly pseudonyms: boolean;
}

/** Runs it, also while the gateway serves; the exit code. Throws the Fault INCIDENT_FAILED and those of what it reads. */
export async function runIncident(args: readonly string[], surroundings: IncidentSurroundings): Promise<number> {
  const { config, clock, print, warn } = surroundings;
  const order = readArguments(args);
  if (typeof order === 'string') return refuseArguments(order, 'gateway -- incident', warn);
  const { why, span, out, pseudonyms } = order;
  const { dataDir } = config;
  const what = { from: new Date(span.fromMs).toISOString(), to: new Date(span.toMs).toISOString(), pseudonyms };
  requireStore(dataDir);
  await openAudit(dataDir, { clock }).record({ action: 'incident.pack', what, why });
  await using store = await openSqliteReader({ dir: dataDir });
  const facts = await gatherFacts(store, span);
  const upstreams = await store.upstreams();
  const { site, keepDays } = config;
  const siteKey = await whereKeyIs(dataDir);
  const keyInClear = within(findClearSpans(findLines(dataDir, keyActions), siteKey === 'clear'), span);
  const about: IncidentSite = {
    ...{ site, why, span, madeMs: clock.nowMs(), keepDays, upstreams, siteKey, keyInClear },
    ...{ cards: countCards(dataDir, span.toMs), kiosks: await kiosksOf(dataDir), audit: verifyAudit(dataDir) },
  };
  const files = [
    ...writePack(about, facts, pseudonyms),
    { name: 'audit.ndjson', content: auditWithin(dataDir, span, clock.nowMs()) },
  ];
  await write(out, files);
  await print([
    `${counted(facts.passages, 'passage')} and ${counted(facts.refused, 'refusal')} of ${counted(facts.persons, 'person', 'people')}. The pack is in ${out}: read tom-tat.txt first.\n`,
  ]);
  return exitCode.ok;
}

async function write(out: string, files: readonly { name: string; content: string }[]): Promise<void> {
  let made: boolean;
  try {
    makeDurableFolder(dirname(resolve(out)));
    made = await makeFolder(
      resolve(out),
      files.map((file) => ({ ...file, mode: secretFileMode })),
    );
  } catch (error) {
    throw new Fault('INCIDENT_FAILED', `Folder: ${out}: ${describeError(error)}.`, { cause: error });
  }
  if (!made) throw new Fault('INCIDENT_FAILED', `Folder: ${out} is there already and holds something.`);
}

async function whereKeyIs(dataDir: string): Promise<IncidentSite['siteKey']> {
  using plain = holdKeys(await readPlainKeys(dataDir));
  if (plain.secrets.length > 0) return 'clear';
  return (await readWrappedFile(wrappedPath(dataDir))) === null ? 'elsewhere' : 'wrapped';
}

async function kiosksOf(dataDir: string): Promise<IncidentSite['kiosks']> {
  const file = (name: string) => join(dataDir, 'trust', name);
  const revoked = new Set((await readRevoked(file(trustFiles.revoked))).map(({ serial }) => serial));
  const newest = new Map((await readEnrolled(file(trustFiles.enrolled))).map((one) => [one.kiosk, one]));
  return [...newest.values()].map(({ kiosk, serial, notAfter }) => {
    return { kiosk, state: revoked.has(serial) ? 'revoked' : 'enrolled', until: notAfter };
  });
}

/** From the span's beginning to now: what was done about it counts too. */
function auditWithin(dataDir: string, { fromMs }: Span, nowMs: number): string {
  const lines: string[] = [];
  for (const line of listAudit(dataDir, 'ndjson')) {
    const read = readAuditLine(Buffer.from(line.trimEnd()));
    const atMs = read.ok ? Date.parse(read.line.at) : nowMs;
    if (atMs >= fromMs) lines.push(line);
  }
  return lines.join('');
}

/** What was asked for, or what is wrong with it. */
function readArguments(args: readonly string[]): Order | string {
  const typed = parseCommandLine(args, {
    options: {
      why: { type: 'string' },
      from: { type: 'string' },
      to: { type: 'string' },
      out: { type: 'string' },
      pseudonyms: { type: 'boolean', default: false },
    },
  });
  if (typeof typed === 'string') return typed;
  const { values } = typed;
  const why = values.why?.trim() ?? '';
  if (why === '' || why.length > whyCharsMax) return `--why is the reason, at most ${whyCharsMax} characters.`;
  const fromMs = parseSpanEnd(values.from?.trim() ?? '', 'from');
  const toMs = parseSpanEnd(values.to?.trim() ?? '', 'to');
  if (fromMs === null || toMs === null)
    return '--from and --to are like "20/11/2026 07:30", 2026-11-20T07:30 or 2026-11-20.';
  if (fromMs >= toMs) return '--from must be before --to.';
  if (!values.out) return 'incident needs --out: the folder to make.';
  return { why, span: { fromMs, toMs }, out: values.out, pseudonyms: values.pseudonyms };
}
