/** What is typed behind a program's name. */
import { type ParseArgsConfig, parseArgs } from 'node:util';
import { exitCode } from './system/program.ts';

/**
 * Takes a command line apart into `values` (the options) and `positionals` (words without a name, where `config` allows
 * them). Returns a sentence where it is not what `config` takes; the sentence repeats nothing but names of options.
 * @param config as of Node's `parseArgs`.
 */
export function parseCommandLine<T extends Omit<ParseArgsConfig, 'args'>>(
  args: readonly string[],
  config: T,
): ReturnType<typeof parseArgs<T>> | string {
  try {
    return parseArgs<T>({ ...config, args: [...args] });
  } catch (error) {
    const problem = describeMistake(error);
    // Any other error is a bug in `config`.
    if (problem === null) throw error;
    return problem;
  }
}

/** Node's own sentences go on about its API, and repeat what was typed, which may be somebody's name or number. */
function describeMistake(error: unknown): string | null {
  if (!(error instanceof Error) || !('code' in error)) return null;
  const { code, message } = error;
  if (code === 'ERR_PARSE_ARGS_UNEXPECTED_POSITIONAL') return 'Only options are taken here, no other words.';
  if (code === 'ERR_PARSE_ARGS_UNKNOWN_OPTION') {
    const option = /'(--?[a-z][a-z-]*)'/i.exec(message)?.[1];
    return option === undefined ? 'There is no such option.' : `There is no option ${option}.`;
  }
  if (code !== 'ERR_PARSE_ARGS_INVALID_OPTION_VALUE') return null;
  const [option = 'An option'] = /--[a-z][a-z-]*/.exec(message) ?? [];
  if (message.includes('does not take')) return `${option} takes no value.`;
  const hint = message.includes('ambiguous') ? `; one that begins with a dash is written ${option}=-…` : '';
  return `${option} needs a value${hint}.`;
}

/** Whether help is asked for: by `--help` or `-h` before any `--`, or by `help` as the first word. */
export function asksForHelp(args: readonly string[]): boolean {
  const end = args.indexOf('--');
  const options = end < 0 ? args : args.slice(0, end);
  return args[0] === 'help' || options.includes('--help') || options.includes('-h');
}

/**
 * Says what is wrong with what was typed, and where help is, on a line each. Returns the exit code.
 * @param command as npm runs it: `kiosk --`, `gateway -- invite`.
 * @param warn writes to standard error.
 */
export function refuseArguments(problem: string, command: string, warn: (text: string) => void): number {
  warn(`${problem}\nTry "npm run -s ${command} --help".\n`);
  return exitCode.usage;
}
