/** What is typed behind a program's name. */
import { type ParseArgsConfig, parseArgs } from 'node:util';

/**
 * Takes a command line apart into `values` (the options) and `positionals` (words without a name, where `config` allows
 * them). Returns a sentence of Node's where it is not what `config` takes.
 * @param config as of Node's `parseArgs`.
 */
export function parseCommandLine<T extends Omit<ParseArgsConfig, 'args'>>(
  args: readonly string[],
  config: T,
): ReturnType<typeof parseArgs<T>> | string {
  try {
    return parseArgs<T>({ ...config, args: [...args] });
  } catch (error) {
    // Any other error is a bug in `config`.
    if (error instanceof Error && 'code' in error && /^ERR_PARSE_ARGS_/.test(String(error.code))) return error.message;
    throw error;
  }
}
