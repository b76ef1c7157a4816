/** `backfill` on the command line. */
import { parseCommandLine, refuseArguments } from '../../shared/command-line.ts';
import type { Clock, Log } from '../../shared/ports.ts';
import { exitCode } from '../../shared/system/program.ts';
import { type BackfillReport, backfill } from './backfill.ts';

export const backfillHelp = `backfill: takes a list that was written while the gates were out of order into
the entries.

  npm run -s gateway -- backfill --from LIST.csv --gate GATE [--why REASON]
                                 [--kiosk ID]

The gateway must be serving. The list is CSV in UTF-8 with a heading; the
columns, in English or Vietnamese:
  thoi_gian (time), or ngay     20/11/2026 07:30 in Viet Nam, or
  and gio (date, hour)          2026-11-20 07:30
  chieu (direction)             vào or ra (in, out)
  ho_ten (name), nam_sinh (birth_year), so_giay_to (number), dien_thoai (phone)
A line needs a name or a number. Wrong lines are named and the others taken.
Each line is taken once: mend the wrong ones and run the same file again.
--kiosk is what the paper counts as, "paper" unless told otherwise.
`;

/** What the command is given by the program. */
export interface BackfillSurroundings {
  readonly config: { readonly dataDir: string; readonly site: string; readonly host: string; readonly port: number };
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
  readonly print: (pieces: Iterable<string>) => Promise<unknown>;
  readonly warn: (text: string) => void;
}

/** Addresses that mean all of a machine's interfaces, and where to find it from itself. */
const ownAddresses: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' };

/** Runs it; the exit code. 1 when lines are wrong or went into quarantine. Throws Faults. */
export async function runBackfill(args: readonly string[], surroundings: BackfillSurroundings): Promise<number> {
  const { config, clock, log, signal, print, warn } = surroundings;
  const typed = readArguments(args);
  if (typeof typed === 'string') return refuseArguments(typed, 'gateway -- backfill', warn);
  const { from: path = '', gate = '', kiosk, why = null } = typed;
  const host = ownAddresses[config.host] ?? config.host;
  const report = await backfill({ ...config, host, path, gate, kiosk, why, clock, log, signal });
  await print([describe(report)]);
  return report.wrong.length + report.quarantined === 0 ? exitCode.ok : exitCode.failed;
}

function readArguments(args: readonly string[]) {
  const typed = parseCommandLine(args, {
    options: {
      from: { type: 'string' },
      gate: { type: 'string' },
      kiosk: { type: 'string', default: 'paper' },
      why: { type: 'string' },
    },
  });
  if (typeof typed === 'string') return typed;
  const { values } = typed;
  if (!values.from) return 'backfill needs --from: the list.';
  if (!values.gate || values.gate.length > 200) return 'backfill needs --gate: the gate where the list was written.';
  if ((values.why ?? '').length > 500) return '--why is at most 500 characters.';
  return values;
}

function describe({ stored, known, quarantined, wrong }: BackfillReport): string {
  const lines = [
    `Taken into the entries: ${stored}. There before: ${known}. Wrong: ${wrong.length}.`,
    ...(quarantined === 0 ? [] : [`In quarantine: ${quarantined}; see the command "quarantine".`]),
    ...wrong.map(({ line, reason }) => `  line ${line}: ${reason}`),
  ];
  return `${lines.join('\n')}\n`;
}
