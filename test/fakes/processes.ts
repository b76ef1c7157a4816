/** Programs as processes of their own, for tests that need real signals, real sockets and real crashes. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { systemClock } from '../../shared/system/clock.ts';
import { within } from '../../shared/time.ts';

/** The project's folder: where processes run unless told otherwise, so that `gateway/main.ts` is a path. */
export const projectDir = fileURLToPath(new URL('../..', import.meta.url));

/** A process that prints more than this many characters is killed: its test would fill the memory. */
const outputCharsMax = 64 * 1024 * 1024;

/** How many characters of output stand in the message of a failed wait. */
const excerptCharsMax = 4000;

/** One event of a program's log. `event` is its name; the other fields stand beside it as the program wrote them. */
export type LogFields = { readonly event: string } & Readonly<Record<string, unknown>>;

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface ProcessOptions {
  /** The process gets these and `PATH` and `HOME`, nothing else of the test's environment. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** `pipe` (the default) stays open until {@link RunningProcess.endInput}; `ignore` is at its end from the start. */
  readonly stdin?: 'pipe' | 'ignore';
  /** What to run; the pinned Node unless told otherwise. */
  readonly command?: string;
}

/** A process that a test started. Disposing it kills it (SIGKILL) and waits for its end. */
export class RunningProcess implements AsyncDisposable {
  readonly pid: number;
  /** Every line that is a JSON log event, in the order it came, whether on standard output or on standard error. */
  readonly logs: LogFields[] = [];
  readonly exited: Promise<Exit>;
  readonly #child: ChildProcess;
  readonly #name: string;
  readonly #changed = new Set<() => void>();
  #stdout = '';
  #stderr = '';
  #output = '';
  #exit: Exit | null = null;

  constructor(child: ChildProcess, pid: number, name: string) {
    this.#child = child;
    this.#name = name;
    this.pid = pid;
    this.exited = new Promise((resolve) => {
      child.once('close', (code, signal) => {
        this.#exit = { code, signal };
        this.#notify();
        resolve(this.#exit);
      });
    });
    child.stdin?.on('error', () => {}); // EPIPE: the process is gone, and `exited` says so
    this.#collect(child.stdout, (text) => {
      this.#stdout += text;
    });
    this.#collect(child.stderr, (text) => {
      this.#stderr += text;
    });
  }

  /** Standard output and standard error as they came. */
  output(): string {
    return this.#output;
  }

  stdout(): string {
    return this.#stdout;
  }

  stderr(): string {
    return this.#stderr;
  }

  /** How it ended, or null while it runs. */
  get exit(): Exit | null {
    return this.#exit;
  }

  /**
   * The first event of that name, also one that came before the call. Rejects with the output when the process ends
   * first or after `deadlineMs`.
   * @param since look only at events from this index of {@link logs} on (take `logs.length` before provoking a new one).
   */
  waitForLog(
    event: string,
    deadlineMs: number,
    options: { matches?: (fields: LogFields) => boolean; since?: number } = {},
  ): Promise<LogFields> {
    const { matches = () => true, since = 0 } = options;
    const find = () => this.logs.slice(since).find((fields) => fields.event === event && matches(fields));
    return this.#waitFor(find, `the event ${event}`, deadlineMs);
  }

  /** Waits until what it printed on either stream matches. Rejects as {@link waitForLog} does. */
  waitForOutput(pattern: RegExp, deadlineMs: number): Promise<RegExpExecArray> {
    return this.#waitFor(() => pattern.exec(this.#output) ?? undefined, String(pattern), deadlineMs);
  }

  /** Writes to its standard input. */
  write(text: string): void {
    this.#child.stdin?.write(text);
  }

  endInput(): void {
    this.#child.stdin?.end();
  }

  /** Sends a signal and waits for the end. Harmless after the end. */
  kill(signal: NodeJS.Signals = 'SIGTERM'): Promise<Exit> {
    this.#child.kill(signal);
    return this.exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#exit === null) await this.kill('SIGKILL');
  }

  async #waitFor<T>(find: () => T | undefined, what: string, deadlineMs: number): Promise<T> {
    let check = () => {};
    const found = new Promise<T>((resolve, reject) => {
      check = () => {
        const value = find();
        if (value !== undefined) resolve(value);
        else if (this.#exit !== null) reject(new Error(this.#complaint(`ended before ${what}`)));
      };
      this.#changed.add(check);
      check();
    });
    try {
      const timed = await within(systemClock, deadlineMs, found);
      if (timed.inTime) return timed.value;
      throw new Error(this.#complaint(`did not show ${what} within ${deadlineMs} ms`));
    } finally {
      this.#changed.delete(check);
    }
  }

  #complaint(what: string): string {
    return `${this.#name} (exit ${JSON.stringify(this.#exit)}) ${what}. Its output ends:\n${this.#output.slice(-excerptCharsMax)}`;
  }

  #collect(stream: NodeJS.ReadableStream | null, keep: (text: string) => void): void {
    let line = '';
    stream?.setEncoding('utf8');
    stream?.on('data', (text: string) => {
      keep(text);
      this.#output += text;
      if (this.#output.length > outputCharsMax) this.#child.kill('SIGKILL');
      const lines = (line + text).split('\n');
      line = lines.pop() ?? '';
      for (const whole of lines) this.#readLogLine(whole);
      this.#notify();
    });
  }

  #readLogLine(line: string): void {
    const fields = parseLogLine(line);
    if (fields !== null) this.logs.push(fields);
  }

  #notify(): void {
    for (const check of [...this.#changed]) check();
  }
}

/** Starts `node <args>` in the project's folder. Resolves once the process exists; what it prints is collected. */
export async function startProcess(args: readonly string[], options: ProcessOptions = {}): Promise<RunningProcess> {
  const { env = {}, cwd = projectDir, stdin = 'pipe', command = process.execPath } = options;
  const child = spawn(command, args, {
    cwd,
    env: { ...inherited(), ...env },
    stdio: [stdin, 'pipe', 'pipe'],
  });
  const name = `${command === process.execPath ? 'node' : command} ${args.join(' ')}`;
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', (cause) => reject(new Error(`cannot start ${name}`, { cause })));
  });
  if (child.pid === undefined) throw new Error(`${name} started without a process id`);
  return new RunningProcess(child, child.pid, name);
}

/** Runs `node <args>` to its end and says what it printed. `input` is piped into it. Rejects when it has not ended after `deadlineMs`. */
export async function runProcess(
  args: readonly string[],
  options: ProcessOptions & { readonly deadlineMs?: number; readonly input?: string } = {},
): Promise<Exit & { readonly stdout: string; readonly stderr: string }> {
  const { deadlineMs = 30_000, input, ...rest } = options;
  await using running = await startProcess(args, { stdin: input === undefined ? 'ignore' : 'pipe', ...rest });
  if (input !== undefined) {
    running.write(input);
    running.endInput();
  }
  const timed = await within(systemClock, deadlineMs, running.exited);
  if (!timed.inTime) {
    throw new Error(
      `${args.join(' ')} did not end within ${deadlineMs} ms:\n${running.output().slice(-excerptCharsMax)}`,
    );
  }
  return { ...timed.value, stdout: running.stdout(), stderr: running.stderr() };
}

/** A TCP port on 127.0.0.1 that nobody listens on now. Another process may take it before you do; that is rare. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  await new Promise<void>((resolve) => server.close(() => resolve()));
  if (address === null || typeof address === 'string') throw new Error('the server has no TCP address');
  return address.port;
}

function parseLogLine(line: string): LogFields | null {
  if (!line.startsWith('{')) return null;
  try {
    const fields = JSON.parse(line) as Record<string, unknown>;
    return typeof fields.event === 'string' ? { ...fields, event: fields.event } : null;
  } catch {
    return null;
  }
}

function inherited(): Record<string, string> {
  const { PATH = '', HOME = '' } = process.env;
  return { PATH, HOME };
}
