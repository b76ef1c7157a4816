/** `kiosks`: lists them, and orders one to become a new one. */
import { parseCommandLine, refuseArguments } from '../../shared/command-line.ts';
import type { Clock, Log } from '../../shared/ports.ts';
import { exitCode } from '../../shared/system/program.ts';
import { describeKiosks, type KioskCommandConfig, listKiosks, resetKiosk } from './kiosk-commands.ts';

/** What `kiosks --help` prints. */
export const kiosksHelp = `kiosks: which kiosks there are, and sending one away.

  npm run -s gateway -- kiosks [--format text|json]
           which kiosks there are, at which gates they were invited, which are
           connected and when others were last, and whether a guard has closed
           its gate, as it said last, and since when
  npm run -s gateway -- kiosks reset KIOSK
           tell a kiosk, now or when it is back, to send everything that it
           holds, to forget this site, and to wait for an invitation. Then it is
           cut off here. Without effect on one that was given its certificate by
           "enrol": revoke that one.
  npm run -s gateway -- kiosks reset KIOSK --cancel
           take that back, as long as the kiosk has not left
`;

const formats = ['text', 'json'] as const;

export interface KiosksParts {
  readonly clock: Clock;
  readonly log: Log;
  readonly print: (text: Iterable<string>) => Promise<void>;
  readonly warn: (text: string) => void;
}

/** Runs the command and gives its exit code. Throws the Faults of the trust folder, AUDIT_READ_FAILED, KIOSK_UNKNOWN, KIOSK_NOT_ENROLLED and DATA_DIR_UNUSABLE. */
export async function runKiosks(
  args: readonly string[],
  config: KioskCommandConfig,
  parts: KiosksParts,
): Promise<number> {
  const wish = readWish(args);
  if (typeof wish === 'string') return refuseArguments(wish, 'gateway -- kiosks', parts.warn);
  if (wish.reset === null) await parts.print(describeKiosks(await listKiosks(config, parts), wish.format));
  else await parts.print([await resetKiosk(wish.reset, wish.cancel, config, parts)]);
  return exitCode.ok;
}

interface Wish {
  readonly format: (typeof formats)[number];
  readonly reset: string | null;
  readonly cancel: boolean;
}

/** What was asked for, or what is wrong with it. */
function readWish(args: readonly string[]): Wish | string {
  const typed = parseCommandLine(args, {
    allowPositionals: true,
    options: {
      format: { type: 'string', default: 'text' },
      cancel: { type: 'boolean', default: false },
    },
  });
  if (typeof typed === 'string') return typed;
  const { values, positionals } = typed;
  const [verb, kiosk = null, ...more] = positionals;
  if (verb !== undefined && verb !== 'reset') return `kiosks knows reset, not ${JSON.stringify(verb)}.`;
  if (verb === 'reset' && (kiosk === null || more.length > 0)) return 'kiosks reset takes one name.';
  if (values.cancel && verb !== 'reset') return '--cancel belongs to kiosks reset.';
  const format = formats.find((name) => name === values.format);
  if (format === undefined) return `--format is ${formats.join(' or ')}, not ${values.format}.`;
  return { format, reset: kiosk, cancel: values.cancel };
}
