import { readFileSync } from 'node:fs';
import { type ProcessOptions, type RunningProcess, startProcess } from './processes.ts';

/**
 * Runs a line of shell at a terminal of its own, a real pty that shows what is typed unless the program forbids it; `node`
 * is the pinned one. What is shown there is the process's standard output, and `write` types. Made by `socat`, with whose
 * end the terminal is gone.
 */
export function startAtTerminal(line: string, options: ProcessOptions = {}): Promise<RunningProcess> {
  const env = { ...options.env, AT_TERMINAL: line.replace(/\bnode /g, `${process.execPath} `) };
  // Through the environment, because socat has a meaning for quotes, commas and colons in an address.
  return startProcess(['-', 'SYSTEM:eval $AT_TERMINAL,pty,setsid,ctty,stderr'], { ...options, env, command: 'socat' });
}

/** The process that runs a program at a terminal: the last of the children's children. */
export function programAt(terminal: RunningProcess): number {
  for (let pid = terminal.pid; ; ) {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
    const [child] = children;
    if (child === undefined) return pid;
    pid = child;
  }
}
