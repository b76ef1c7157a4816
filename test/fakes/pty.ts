import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants, mkdtemp, open, readlink, rm, unlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';

const readyMs = 10_000;

/** A real serial line without a device: a pseudo-terminal whose far end the test holds. Made by `socat`. */
export interface PtyPair extends AsyncDisposable {
  /** What the kiosk opens: a symbolic link, the same before and after a {@link PtyPair.replug}. */
  readonly kioskPath: string;
  /** Bytes from the device to the kiosk. */
  readonly input: Writable;
  /** Bytes from the kiosk to the device. */
  readonly output: Readable;
  /** Sends to the kiosk; resolves once the pipe to the terminal has taken everything. */
  write(bytes: Uint8Array | string): Promise<void>;
  /** The device is pulled out: the line hangs up and its path disappears. */
  unplug(): Promise<void>;
  /** The device is plugged in again, under the same path. */
  replug(): Promise<void>;
}

/** Opens a pseudo-terminal. Nothing is lost before the kiosk opens it or between two openings, except by what opening flushes. */
export async function openPtyPair(): Promise<PtyPair> {
  const folder = await mkdtemp(join(tmpdir(), 'ravao-pty-'));
  const kioskPath = join(folder, 'tty');
  let plugged: Plugged | null = await plug(kioskPath);

  const device = () => {
    if (plugged === null) throw new Error('the pty is unplugged');
    return plugged;
  };
  const unplug = async () => {
    const leaving = plugged;
    plugged = null;
    await leaving?.leave();
  };
  return {
    kioskPath,
    get input() {
      return device().input;
    },
    get output() {
      return device().output;
    },
    async write(bytes) {
      const { input } = device();
      await new Promise<void>((resolve, reject) => {
        input.write(bytes, (error) => (error == null ? resolve() : reject(error)));
      });
    },
    unplug,
    async replug() {
      await unplug();
      plugged = await plug(kioskPath);
    },
    async [Symbol.asyncDispose]() {
      await unplug();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

interface Plugged {
  readonly input: Writable;
  readonly output: Readable;
  leave(): Promise<void>;
}

async function plug(kioskPath: string): Promise<Plugged> {
  const process = spawn('socat', ['-d', '-d', `PTY,raw,echo=0,link=${kioskPath}`, 'STDIO'], { stdio: 'pipe' });
  const ended = new Promise<void>((resolve) => {
    process.once('exit', () => resolve());
    process.once('error', () => resolve());
  });
  try {
    await started(process);
    // socat ends when the last one leaves its terminal. Holding it open lets the kiosk close and open it as with a device.
    const held = await open(await readlink(kioskPath), constants.O_RDWR | constants.O_NOCTTY | constants.O_NONBLOCK);
    process.stdin.on('error', () => {}); // a write to a device that has just been unplugged
    return {
      input: process.stdin,
      output: process.stdout,
      async leave() {
        await unlink(kioskPath).catch(() => {});
        process.kill('SIGKILL');
        await ended;
        await held.close();
      },
    };
  } catch (error) {
    process.kill('SIGKILL');
    throw error;
  }
}

/** Waits until socat says that both of its ends are there. */
async function started(process: ChildProcess): Promise<void> {
  let said = '';
  const signal = AbortSignal.timeout(readyMs);
  const failed = once(process, 'exit', { signal }).then(() => {
    throw new Error(`socat ended: ${said}`);
  });
  const ready = new Promise<void>((resolve) => {
    process.stderr?.on('data', (chunk) => {
      if (said.length < 4096) said += String(chunk);
      if (said.includes('starting data transfer loop')) resolve();
    });
  });
  failed.catch(() => {}); // socat ends later as well, when it is unplugged
  await Promise.race([ready, failed]);
}
