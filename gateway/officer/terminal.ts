/** The terminal that a program was started at, whatever its standard input is: where a passphrase is asked for. */
import { closeSync, openSync, writeSync } from 'node:fs';
import { StringDecoder } from 'node:string_decoder';
import { ReadStream } from 'node:tty';
import { LineEditor, type TypedLine } from './line-editor.ts';

/** A person at a keyboard. Disposing it gives the terminal back as it was. */
export interface Terminal extends Disposable {
  /**
   * Shows a prompt and takes a line. What was typed before it was asked for counts. A terminal that is gone, and a program
   * that is stopped, cancel.
   */
  ask(prompt: string, how: { readonly hidden: boolean }): Promise<TypedLine>;
}

/** A terminal that is opened when it is first needed, and given back when this is disposed. */
export interface TerminalDesk extends Disposable {
  /** Null where the process has no terminal. */
  open(): Terminal | null;
}

/** The process's own terminal, for the length of a command's questions. */
export function createDesk(signal: AbortSignal): TerminalDesk {
  let terminal: Terminal | null = null;
  return {
    open() {
      terminal ??= openTerminal(signal);
      return terminal;
    },
    [Symbol.dispose]() {
      terminal?.[Symbol.dispose]();
      terminal = null;
    },
  };
}

const path = '/dev/tty';

/** Null where it has none: started by a timer, or over SSH without one. */
function openTerminal(signal: AbortSignal): Terminal | null {
  let output: number;
  try {
    output = openSync(path, 'w');
  } catch {
    return null;
  }
  return new OpenTerminal(new ReadStream(openSync(path, 'r')), output, signal);
}

const interrupt = '\u0003';

/** Whoever waits for the next character. */
type Waiter = (event: { readonly character: string } | 'gone') => void;

class OpenTerminal implements Terminal {
  readonly #stream: ReadStream;
  readonly #signal: AbortSignal;
  readonly #decoder = new StringDecoder('utf8');
  readonly #output: number;
  readonly #gone = () => this.#end();
  #waiting: string[] = [];
  #waiter: Waiter | null = null;
  #ended = false;

  constructor(stream: ReadStream, output: number, signal: AbortSignal) {
    this.#stream = stream;
    this.#output = output;
    this.#signal = signal;
    // From here on what is typed is not shown by the terminal itself, not between two prompts either.
    stream.setRawMode(true);
    stream.on('data', (bytes: Buffer) => this.#take(bytes));
    stream.on('error', this.#gone);
    stream.on('close', this.#gone);
    signal.addEventListener('abort', this.#gone, { once: true });
    if (signal.aborted) this.#end();
  }

  async ask(prompt: string, { hidden }: { readonly hidden: boolean }): Promise<TypedLine> {
    writeSync(this.#output, prompt);
    const editor = new LineEditor(hidden);
    for (;;) {
      const event = await this.#next();
      if (event === 'gone') return { type: 'cancelled' };
      const { show, done } = editor.type(event.character);
      if (show !== '') writeSync(this.#output, show);
      if (done !== null) return done;
    }
  }

  [Symbol.dispose](): void {
    this.#end();
    if (this.#stream.destroyed) return;
    this.#stream.setRawMode(false);
    this.#stream.destroy();
    closeSync(this.#output);
  }

  #next(): Promise<Parameters<Waiter>[0]> {
    return new Promise((resolve) => {
      const character = this.#waiting.shift();
      if (character !== undefined) resolve({ character });
      else if (this.#ended) resolve('gone');
      else this.#waiter = resolve;
    });
  }

  #take(bytes: Buffer): void {
    this.#waiting.push(...this.#decoder.write(bytes));
    const waiter = this.#waiter;
    // Ctrl-C is a character now; while nobody waits for one it still ends the program.
    if (waiter === null && this.#waiting.includes(interrupt)) process.kill(process.pid, 'SIGINT');
    const character = waiter === null ? undefined : this.#waiting.shift();
    if (waiter === null || character === undefined) return;
    this.#waiter = null;
    waiter({ character });
  }

  #end(): void {
    this.#ended = true;
    this.#waiting = [];
    this.#signal.removeEventListener('abort', this.#gone);
    this.#waiter?.('gone');
    this.#waiter = null;
  }
}
