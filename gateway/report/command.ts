/** `report` on the command line. */
import { readFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { parseCommandLine, refuseArguments } from '../../shared/command-line.ts';
import { describeError, Fault } from '../../shared/fault.ts';
import type { Clock } from '../../shared/ports.ts';
import { exitCode } from '../../shared/system/program.ts';
import { isErrno } from '../../shared/system-error.ts';
import { paperKiosks } from '../backfill/paper-kiosk.ts';
import { openSqliteReader } from '../store/sqlite.ts';
import { publicFileMode, replaceFile } from '../trust/durable-file.ts';
import { trustFiles } from '../trust/trust-files.ts';
import { countEntries } from './figures.ts';
import { type Period, readDay, readWeek } from './period.ts';
import { drawReport } from './report-page.ts';
import { writeTable } from './report-table.ts';
import { type SiteKind, siteKinds } from './site-kind.ts';

const reportFormats = ['csv', 'pdf'] as const;
type ReportFormat = (typeof reportFormats)[number];

export const reportHelp = `report: what localities ask for, in Vietnamese. Counts only.

  npm run -s gateway -- report --day 2026-11-20 | --week 2026-W47
                               [--format csv|pdf] [--out FILE]

Days are those of Viet Nam, weeks begin on Monday. Without --out a table is
printed; a PDF needs --out. A name that ends with .pdf asks for a PDF. Say in
RAVAO_SITE_KIND what kind of place it is:
${Object.keys(siteKinds)
  .join(' ')
  .replace(/(.{1,76})(?: |$)/g, '  $1\n')}`;

/** What the command is given by the program. */
export interface ReportSurroundings {
  readonly config: { readonly dataDir: string; readonly site: string; readonly siteKind: SiteKind | null };
  readonly clock: Clock;
  readonly print: (pieces: Iterable<string>) => Promise<unknown>;
  readonly warn: (text: string) => void;
}

interface Order {
  readonly period: Period;
  readonly format: ReportFormat;
  readonly out: string | null;
}

/** Runs it, also while the gateway serves; the exit code. Throws the Faults REPORT_FAILED and those of reading the store. */
export async function runReport(args: readonly string[], surroundings: ReportSurroundings): Promise<number> {
  const { config, clock, print, warn } = surroundings;
  const order = readArguments(args);
  if (typeof order === 'string') return refuseArguments(order, 'gateway -- report', warn);
  const { period, format, out } = order;
  await using store = await openSqliteReader({ dir: config.dataDir });
  const figures = await countEntries(store.entries(), period, await enrolledKiosks(config.dataDir));
  const reporter = { site: config.site, siteKind: config.siteKind === null ? null : siteKinds[config.siteKind] };
  const content =
    format === 'csv'
      ? writeTable(reporter, period, figures)
      : await drawReport(reporter, period, figures, clock.nowMs());
  if (out === null) await print([String(content)]);
  else {
    await write(out, content);
    await print([`${out} is written.\n`]);
  }
  return exitCode.ok;
}

function readArguments(args: readonly string[]): Order | string {
  const typed = parseCommandLine(args, {
    options: {
      day: { type: 'string' },
      week: { type: 'string' },
      format: { type: 'string' },
      out: { type: 'string' },
    },
  });
  if (typeof typed === 'string') return typed;
  const { values } = typed;
  const { day, week, out = null } = values;
  if ((day === undefined) === (week === undefined)) return 'report needs either --day or --week.';
  const period = day === undefined ? readWeek(week ?? '') : readDay(day);
  if (period === null) return '--day is like 20/11/2026 or 2026-11-20, --week like 2026-W47.';
  const wanted = values.format ?? (out?.toLowerCase().endsWith('.pdf') ? 'pdf' : 'csv');
  const format = reportFormats.find((name) => name === wanted);
  if (format === undefined) return `--format is ${reportFormats.join(' or ')}, not ${wanted}.`;
  if (format === 'pdf' && out === null) return 'a PDF needs --out: the file to write.';
  return { period, format, out };
}

/** The kiosks that were enrolled for gates, so without those that are paper. */
async function enrolledKiosks(dataDir: string): Promise<readonly string[]> {
  let text: string;
  let paper: readonly string[];
  try {
    paper = await paperKiosks(dataDir);
    text = await readFile(join(dataDir, 'trust', trustFiles.enrolled), 'utf8');
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return [];
    throw new Fault('REPORT_FAILED', `${trustFiles.enrolled}: ${describeError(error)}.`, { cause: error });
  }
  const ids = text.split('\n').flatMap((line) => /"kiosk":"([^"]+)"/.exec(line)?.[1] ?? []);
  return [...new Set(ids)].filter((id) => !paper.includes(id));
}

async function write(path: string, content: string | Uint8Array): Promise<void> {
  const absolute = resolve(path);
  try {
    await replaceFile(dirname(absolute), { name: basename(absolute), content, mode: publicFileMode });
  } catch (error) {
    throw new Fault('REPORT_FAILED', `File: ${path}: ${describeError(error)}.`, { cause: error });
  }
}
