/**
 * Standard input as a scanner: lines that are typed, pasted or piped in, or come from a scanner in keyboard mode.
 *
 * CR, LF, STX and ETX frame as on a serial line, so that `cat /dev/ttyACM0` can be piped in. A TAB does not end a frame,
 * for people paste it. A pause does not either: a long line may be pasted in pieces or typed slowly. A terminal in its
 * usual mode cuts lines at 4,095 bytes (N_TTY), which is the terminal's limit and not ours.
 */
import type { Readable } from 'node:stream';
import type { Reading, Scanner } from '../../shared/ports.ts';
import { createFramer } from './framer.ts';

export interface LineScannerOptions {
  /** Usually `process.stdin`. Only what is needed next is read from it; it is paused, not destroyed, in the end. */
  readonly input: Readable;
}

/** Makes a scanner of a stream of lines. The end of the stream, or its failure, completes the last line and ends the readings. */
export function createLineScanner({ input }: LineScannerOptions): Scanner {
  return { name: 'stdin', readings: (signal) => readLines(input, signal) };
}

async function* readLines(input: Readable, signal: AbortSignal): AsyncGenerator<Reading> {
  const framer = createFramer({ tabEnds: false });
  const news = listen(input, signal);
  try {
    yield { type: 'found', device: 'stdin' };
    while (!signal.aborted) {
      const chunk: unknown = input.read();
      if (chunk !== null) {
        for (const framed of framer.push(toBytes(chunk))) {
          if (signal.aborted) return;
          yield framed;
        }
      } else if (hasEnded(input)) {
        yield* framer.idle();
        return;
      } else {
        await news.next();
      }
    }
  } finally {
    news[Symbol.dispose]();
  }
}

/** A stream that fails (a terminal that went away: EIO) has ended as one that ends properly. */
function hasEnded(input: Readable): boolean {
  return input.readableEnded || input.destroyed || input.errored !== null;
}

function toBytes(chunk: unknown): Uint8Array {
  return typeof chunk === 'string' ? Buffer.from(chunk) : (chunk as Uint8Array);
}

/** Tells when it is worth looking at the stream again. What happens between two calls of `next` is not missed. */
function listen(input: Readable, signal: AbortSignal): { next(): Promise<void> } & Disposable {
  let happened = false;
  let wake = () => {};
  const onNews = () => {
    happened = true;
    wake();
  };
  const events = ['readable', 'end', 'error', 'close'] as const;
  for (const event of events) input.on(event, onNews);
  signal.addEventListener('abort', onNews);
  return {
    async next() {
      if (!happened) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      happened = false;
    },
    [Symbol.dispose]() {
      for (const event of events) input.off(event, onNews);
      signal.removeEventListener('abort', onNews);
      // A terminal or pipe that is still being read would keep the process alive. A stream with `readable` listeners
      // takes a pause for granted and does not stop the handle below; it is free of them only a tick later.
      setImmediate(() => input.pause());
    },
  };
}
