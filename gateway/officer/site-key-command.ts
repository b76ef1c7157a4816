/** `site-key` on the command line: where the key that opens names is, and how it is kept. */
import { parseCommandLine, refuseArguments } from '../../shared/command-line.ts';
import type { Clock } from '../../shared/ports.ts';
import { exitCode } from '../../shared/system/program.ts';
import { formatMoment } from '../moment.ts';
import { askAt, type PassphraseSource, readFrom } from './passphrase-source.ts';
import {
  changePassphrase,
  exportKeys,
  importKeys,
  type KeepingAccess,
  type KeyStatus,
  protectKeys,
  readKeyStatus,
} from './protecting.ts';
import { whyUnopened, wrappedPath } from './site-keys.ts';
import type { TerminalDesk } from './terminal.ts';

export const keyHelp = `site-key: the site's private key, which opens names. For the health officer.

  npm run -s gateway -- site-key status
           where it is, and how many wrong passphrases there were
  npm run -s gateway -- site-key protect
           put it under a passphrase, and remove it from the disk
  npm run -s gateway -- site-key change-passphrase [--key-file FILE]
  npm run -s gateway -- site-key export --out FILE [--keep]
           take it off this machine, onto a stick; --keep: a copy
  npm run -s gateway -- site-key import FILE
           put it back

The passphrase is asked for at the terminal. --passphrase-file FILE takes the
first line of a file that nobody else can read instead (/dev/stdin: of a pipe),
--new-passphrase-file FILE the new one. Nobody can find a lost passphrase again:
then names that were sealed stay sealed for ever. The gateway goes on all the
same.
`;

/** What the command is given by the program. */
export interface KeySurroundings {
  readonly config: { readonly dataDir: string };
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly desk: TerminalDesk;
  readonly print: (pieces: Iterable<string>) => Promise<unknown>;
  readonly warn: (text: string) => void;
}

interface Order {
  readonly command: string;
  readonly operands: readonly string[];
  readonly out: string | null;
  readonly keep: boolean;
  readonly access: KeepingAccess;
}

/** Runs it, also while the gateway serves; the exit code. Throws the Faults of the keys, the passphrase and the audit. */
export async function runKey(args: readonly string[], surroundings: KeySurroundings): Promise<number> {
  const order = readOrder(args, surroundings);
  const outcome = typeof order === 'string' ? { wrong: order } : await run(order);
  if ('wrong' in outcome) return refuseArguments(outcome.wrong, 'gateway -- site-key', surroundings.warn);
  if (outcome.said !== undefined) await surroundings.print([outcome.said]);
  if (outcome.failed !== undefined) surroundings.warn(outcome.failed);
  return outcome.failed === undefined ? exitCode.ok : exitCode.failed;
}

/** What is said, or why it was not done, or what is wrong with the arguments. */
type Outcome = { readonly said?: string; readonly failed?: string } | { readonly wrong: string };

async function run({ command, operands, out, keep, access }: Order): Promise<Outcome> {
  const [operand, more] = operands;
  if (command === 'import') {
    if (operand === undefined || more !== undefined)
      return { wrong: 'import needs one file: what "site-key export" wrote.' };
    return runImport(operand, access);
  }
  if (operand !== undefined) return { wrong: `${command} takes no word without a name.` };
  switch (command) {
    case 'status':
      return { said: describeStatus(await readKeyStatus(access)) };
    case 'protect':
      return runProtect(access);
    case 'change-passphrase':
      return runChange(access);
    case 'export':
      return out === null ? { wrong: 'export needs --out: the file to write.' } : runExport(out, keep, access);
    default:
      return { wrong: `There is no command "site-key ${command}".` };
  }
}

async function runProtect(access: KeepingAccess): Promise<Outcome> {
  const done = await protectKeys(access);
  if (done.type === 'unopened') return { failed: `Nothing was changed. ${whyUnopened[done.why]}` };
  if (done.type === 'nothing-plain') {
    return done.isWrapped
      ? { said: 'The key is under a passphrase already.\n' }
      : { failed: 'There is no key here to protect: it was taken off this machine.\n' };
  }
  const removed = done.removed.join(' and ');
  return {
    said: `${done.path} opens with the passphrase; ${removed} is overwritten and removed.
A flash card or SSD may keep old copies in cells that nobody can reach but a laboratory; backups made until today hold it too:
destroy those, or start with a new key.
Write the passphrase down and lock it away: nobody can find a lost one again.
`,
  };
}

async function runChange(access: KeepingAccess): Promise<Outcome> {
  const why = await changePassphrase(access);
  if (why !== null) return { failed: why === 'cancelled' ? 'Nothing was changed.\n' : whyUnopened[why] };
  return { said: 'The passphrase is changed. Copies of the file that lie elsewhere still open with the old one.\n' };
}

async function runExport(out: string, keep: boolean, access: KeepingAccess): Promise<Outcome> {
  const done = await exportKeys(access, out, keep);
  if (done.type === 'nothing') {
    return done.plain
      ? { failed: 'A key lies here in clear. Run "site-key protect" first.\n' }
      : { failed: 'There is no wrapped key here.\n' };
  }
  const where = keep
    ? 'A copy stays here.'
    : 'It is no longer here: unseal with --key-file, or put it back with "site-key import".';
  const same = done.onSameDisk ? ' That is on the same disk as before: whoever takes the disk takes both.' : '';
  return { said: `${out} holds the wrapped key.${same} ${where}\n` };
}

async function runImport(from: string, access: KeepingAccess): Promise<Outcome> {
  const done = await importKeys(access, from);
  return done === 'imported'
    ? { said: `${wrappedPath(access.dataDir)} is back. ${from} is untouched.\n` }
    : { said: 'That file is here already. Nothing was changed.\n' };
}

function describeStatus({ current, plain, wrapped, attempts }: KeyStatus): string {
  const lines = [
    `Names are sealed to the key ${current}.`,
    ...(plain.length === 0
      ? []
      : [
          `IN CLEAR on this machine: ${plain.join(' ')}. Whoever has the disk reads every name: run "site-key protect".`,
        ]),
    ...(wrapped === null ? [] : [`Under a passphrase on this machine: ${wrapped.join(' ')}.`]),
    ...(plain.length === 0 && wrapped === null ? ['It is not on this machine.'] : []),
    `Wrong passphrases since the last right one: ${attempts.wrong}.`,
    ...(attempts.lastWrongMs === null ? [] : [`The last wrong one: ${formatMoment(attempts.lastWrongMs)}.`]),
  ];
  return `${lines.join('\n')}\n`;
}

function readOrder(args: readonly string[], surroundings: KeySurroundings): Order | string {
  const typed = parseCommandLine(args, {
    allowPositionals: true,
    options: {
      out: { type: 'string' },
      keep: { type: 'boolean', default: false },
      'key-file': { type: 'string' },
      'passphrase-file': { type: 'string' },
      'new-passphrase-file': { type: 'string' },
    },
  });
  if (typeof typed === 'string') return typed;
  const { values, positionals } = typed;
  const [command = '', ...operands] = positionals;
  const { config, clock, signal, desk, warn } = surroundings;
  const source = (path: string | undefined): PassphraseSource =>
    path === undefined ? askAt(() => desk.open()) : readFrom(path);
  const access = {
    dataDir: config.dataDir,
    keyFile: values['key-file'] ?? null,
    passphrase: source(values['passphrase-file']),
    newPassphrase: source(
      values['new-passphrase-file'] ?? (command === 'protect' ? values['passphrase-file'] : undefined),
    ),
    clock,
    signal,
    warn,
  };
  return { command, operands, out: values.out ?? null, keep: values.keep, access };
}
