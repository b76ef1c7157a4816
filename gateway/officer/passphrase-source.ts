/** Where a passphrase comes from: the terminal, or a file. Never from arguments or the environment, which others can read. */
import { open } from 'node:fs/promises';
import { describeError, Fault } from '../../shared/fault.ts';
import { normalisePassphrase, passphraseCharsMax } from './passphrase.ts';
import type { Terminal } from './terminal.ts';

/** Somebody, or something, that knows the passphrase. */
export interface PassphraseSource {
  /** Whether it is worth asking again after a wrong one. */
  readonly asksPerson: boolean;
  /**
   * The passphrase, normalised; empty where none was given; null where the person gave up.
   * Throws the Fault PASSPHRASE_UNASKED where there is no way to ask.
   */
  ask(prompt: string): Promise<string | null>;
}

/**
 * Asks at the terminal, without showing what is typed. @param open gives it when it is first needed; null: there is none,
 * and asking is a Fault.
 */
export function askAt(open: () => Terminal | null): PassphraseSource {
  return {
    asksPerson: true,
    async ask(prompt) {
      const terminal = open();
      if (terminal === null) throw new Fault('PASSPHRASE_UNASKED', 'There is no terminal to ask at.');
      const typed = await terminal.ask(prompt, { hidden: true });
      return typed.type === 'line' ? normalisePassphrase(typed.text) : null;
    },
  };
}

/**
 * The first line of a file, or of a pipe: `/dev/stdin`, `/dev/fd/3`. It is read when it is asked for, once.
 */
export function readFrom(path: string): PassphraseSource {
  let line: Promise<string> | null = null;
  return {
    asksPerson: false,
    async ask() {
      line ??= readFirstLine(path);
      return normalisePassphrase(await line);
    },
  };
}

/** A passphrase of that many characters, each of which may be four bytes long. */
const fileBytesMax = passphraseCharsMax * 4 + 2;

async function readFirstLine(path: string): Promise<string> {
  const bytes = Buffer.alloc(fileBytesMax);
  let length = 0;
  try {
    await using file = await open(path, 'r');
    const about = await file.stat();
    // A pipe is the caller's own; a file that others can read tells them too.
    if (about.isFile() && (about.mode & 0o077) !== 0) throw new Error('others can read it: chmod 600');
    for (let more = 1; more > 0 && length < bytes.length; length += more) {
      more = (await file.read(bytes, length, bytes.length - length, null)).bytesRead;
    }
  } catch (error) {
    throw new Fault('PASSPHRASE_UNASKED', `File: ${path}: ${describeError(error)}.`, { cause: error });
  }
  const [line = ''] = bytes.toString('utf8', 0, length).split(/\r?\n/);
  bytes.fill(0);
  if ([...line].length > passphraseCharsMax)
    throw new Fault('PASSPHRASE_UNASKED', `File: ${path}: its first line is no passphrase: it is too long.`);
  return line;
}
