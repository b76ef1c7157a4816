/** `keys` on the command line: which keys the site has, and changing one. */
import { join } from 'node:path';
import { parseCommandLine, refuseArguments } from '../../shared/command-line.ts';
import type { Clock, Log } from '../../shared/ports.ts';
import { exitCode } from '../../shared/system/program.ts';
import { type Audit, openAudit } from '../audit/audit.ts';
import { openTrust } from '../trust/authority.ts';
import { type KeyKind, keyKinds } from '../trust/key-ledger.ts';
import { describeKeys, describeKeysAsJson, readKeyState } from './key-state.ts';
import { finish, retire, rotate } from './steps.ts';

export const keysHelp = `keys: the site's keys, and changing one while everything runs. Each old one
still opens what was made with it.

  npm run -s gateway -- keys [--format text|json]
           which keys there are, and which kiosks lag behind
  npm run -s gateway -- keys rotate ${keyKinds.join('|')}
                        [--why REASON] [--again]
           make the next one
  npm run -s gateway -- keys finish authority [--why REASON]
           show kiosks the new authority now, whoever lags behind
  npm run -s gateway -- keys retire authority|issuer [--why REASON] [--force]
           believe the old one no more

A command that was cut off may be run again. --again: a further one, though the
last change is still under way. --force: though kiosks lag behind, which are cut
off then, or printed cards are valid, which end then.
`;

/** What the command is given by the program. */
export interface KeysSurroundings {
  readonly config: { readonly dataDir: string; readonly site: string };
  readonly clock: Clock;
  readonly log: Log;
  readonly print: (pieces: Iterable<string>) => Promise<unknown>;
  readonly warn: (text: string) => void;
}

/** What a step works with. */
export interface KeysContext extends KeysSurroundings {
  readonly folder: string;
  readonly audit: Audit;
  readonly why: string | null;
  readonly isForced: boolean;
}

interface Order {
  readonly command: 'list' | 'rotate' | 'finish' | 'retire';
  readonly kind: KeyKind | null;
  readonly format: 'text' | 'json';
  readonly why: string | null;
  readonly isForced: boolean;
}

/** Runs it, also while the gateway serves; the exit code. Throws the Faults of the trust folder, the audit and the register. */
export async function runKeys(args: readonly string[], surroundings: KeysSurroundings): Promise<number> {
  const { config, clock, log, print, warn } = surroundings;
  const order = readArguments(args);
  if (typeof order === 'string') return refuseArguments(order, 'gateway -- keys', warn);
  const folder = join(config.dataDir, 'trust');
  const trust = await openTrust(folder, { site: config.site, clock, log });
  const { why, isForced, kind } = order;
  const context = { ...surroundings, folder, audit: openAudit(config.dataDir, { clock }), why, isForced };
  if (order.command === 'rotate' && kind !== null) return rotate(kind, trust, context);
  if (order.command === 'finish') return finish(trust, context);
  if (order.command === 'retire') return retire(kind === 'issuer' ? 'issuer' : 'authority', trust, context);
  const state = await readKeyState(trust, context);
  await print(order.format === 'json' ? describeKeysAsJson(state) : describeKeys(state));
  return exitCode.ok;
}

/** Of which kinds each command takes one. */
const kindsOf: Readonly<Record<Exclude<Order['command'], 'list'>, readonly KeyKind[]>> = {
  rotate: keyKinds,
  finish: ['authority'],
  retire: ['authority', 'issuer'],
};

function readArguments(args: readonly string[]): Order | string {
  const typed = parseCommandLine(args, {
    allowPositionals: true,
    options: {
      format: { type: 'string' },
      why: { type: 'string' },
      again: { type: 'boolean', default: false },
      force: { type: 'boolean', default: false },
    },
  });
  if (typeof typed === 'string') return typed;
  const { values, positionals } = typed;
  const [word = 'list', kindWord, more] = positionals;
  const { why = null, format = 'text' } = values;
  if (format !== 'text' && format !== 'json') return `--format is text or json, not ${format}.`;
  const isForced = values.again || values.force;
  if (word === 'list' && kindWord === undefined) return { command: word, kind: null, format, why, isForced };
  if (word !== 'rotate' && word !== 'finish' && word !== 'retire') return `There is no command "keys ${word}".`;
  const kind = kindsOf[word].find((name) => name === kindWord);
  if (kind !== undefined && more === undefined) return { command: word, kind, format, why, isForced };
  return `keys ${word} takes one of: ${kindsOf[word].join(', ')}.`;
}
