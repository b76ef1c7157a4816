/** What a person types or pipes into a command. */
import { buffer } from 'node:stream/consumers';
import type { TerminalDesk } from '../officer/terminal.ts';

/** Where a command reads what must not stand among its arguments, which every user of the machine can see. */
export interface StandardInput {
  /** Whether a person sits before it. */
  readonly isTerminal: boolean;
  /** Asks for one line, which is shown as it is typed; null where the person gave up, or where no terminal answers. */
  ask(question: string): Promise<string | null>;
  /** All of it. */
  readAll(): Promise<Uint8Array>;
}

/** The process's own. @param desk the terminal that questions are asked at; the caller gives it back. */
export function ownStandardInput(desk: TerminalDesk): StandardInput {
  return {
    isTerminal: process.stdin.isTTY === true,
    async ask(question) {
      const typed = await desk.open()?.ask(question, { hidden: false });
      return typed?.type === 'line' ? typed.text : null;
    },
    readAll: () => buffer(process.stdin),
  };
}
