import type { StandardInput } from '../../gateway/site-rules/standard-input.ts';

/** A command's standard input that is no terminal: what was piped into it. */
export function pipedInput(text: string): StandardInput {
  return { isTerminal: false, ask: async () => null, readAll: async () => Buffer.from(text) };
}
