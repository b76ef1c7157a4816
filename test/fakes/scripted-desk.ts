import type { Terminal, TerminalDesk } from '../../gateway/officer/terminal.ts';

/** A desk at which what is asked for is answered from a list, in order; at its end the person gives up. */
export interface ScriptedDesk extends TerminalDesk {
  /** What was shown, in order; `hidden` says whether what is typed then is shown. */
  readonly prompts: { readonly prompt: string; readonly hidden: boolean }[];
}

/** Null for `answers`: there is no terminal. */
export function scriptedDesk(answers: readonly string[] | null): ScriptedDesk {
  const prompts: ScriptedDesk['prompts'] = [];
  const left = [...(answers ?? [])];
  const terminal: Terminal = {
    async ask(prompt, { hidden }) {
      prompts.push({ prompt, hidden });
      const text = left.shift();
      return text === undefined ? { type: 'cancelled' } : { type: 'line', text };
    },
    [Symbol.dispose]() {},
  };
  return { prompts, open: () => (answers === null ? null : terminal), [Symbol.dispose]() {} };
}
