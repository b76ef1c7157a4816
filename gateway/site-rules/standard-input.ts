/** What a person types or pipes into a command. */
import { createInterface } from 'node:readline/promises';
import { buffer } from 'node:stream/consumers';

/** Where a command reads what must not stand among its arguments, which every user of the machine can see. */
export interface StandardInput {
  /** Whether a person sits before it. */
  readonly isTerminal: boolean;
  /** Asks for one line; empty where the person gave none. */
  ask(question: string, signal: AbortSignal): Promise<string>;
  /** All of it. */
  readAll(): Promise<Uint8Array>;
}

/** The process's own. */
export function ownStandardInput(): StandardInput {
  return {
    isTerminal: process.stdin.isTTY === true,
    async ask(question, signal) {
      using lines = createInterface({ input: process.stdin, output: process.stderr });
      return lines.question(question, { signal });
    },
    readAll: () => buffer(process.stdin),
  };
}
