import { pipeline } from 'node:stream/promises';
import { isErrno } from '../system-error.ts';

/** Prints on standard output piece by piece, as fast as they are taken. A reader that has seen enough ends it. */
export async function print(pieces: Iterable<string> | AsyncIterable<string>): Promise<void> {
  try {
    await pipeline(pieces, process.stdout, { end: false });
    // The stream may still hold what a slow reader has not taken, and the exit that follows would cut it off.
    await new Promise<void>((resolve, reject) => {
      process.stdout.write('', (error) => (error ? reject(error) : resolve()));
    });
  } catch (error) {
    // `entries | head` closes the pipe when it has seen enough.
    if (!isErrno(error, 'EPIPE')) throw error;
  }
}
