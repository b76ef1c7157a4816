/**
 * One opening of a serial port: the only file that speaks to serialport for scanners. What is used once cannot be in a
 * state left over from before; `serial-scanner.ts` opens the next one.
 */
import { stat } from 'node:fs/promises';
import { SerialPort } from 'serialport';

/** What happens on an open line. Nothing is called after `closed`. */
export interface LineEvents {
  bytes(chunk: Uint8Array): void;
  /** The line broke by itself; not called for {@link SerialLine.close}. */
  closed(error: Error): void;
}

/** An open serial port. */
export interface SerialLine {
  /** Stops the bytes; the operating system and then the device hold what comes meanwhile. */
  pause(): void;
  resume(): void;
  /** Whether the path still leads to the device that was opened. */
  isThere(): Promise<boolean>;
  /** Closing twice, or after the line broke, is harmless. Never rejects. */
  close(): Promise<void>;
}

/** Opens a port exclusively. Rejects with the operating system's error. */
export type OpenLine = (path: string, baudRate: number, events: LineEvents) => Promise<SerialLine>;

/** One chunk is at most this long: what the kernel's terminal layer holds. */
const chunkBytesMax = 4096;

/** Opens a real port: 8 data bits, no parity, 1 stop bit, no flow control. Opening discards what lay unread in it. */
export const openSerialLine: OpenLine = async (path, baudRate, events) => {
  const opened = await identify(path);
  const port = new SerialPort({ path, baudRate, autoOpen: false, highWaterMark: chunkBytesMax });
  await new Promise<void>((resolve, reject) => {
    port.open((error) => (error === null ? resolve() : reject(error)));
  });

  let open = true;
  const broke = (error: Error | null) => {
    if (!open) return;
    // What the stream still holds, because it was paused, was read before the line broke; `read` emits it as `data`.
    while (port.read() !== null);
    open = false;
    events.closed(error ?? new Error('the port was closed'));
  };
  port.on('data', (chunk: Uint8Array) => {
    if (open) events.bytes(chunk);
  });
  port.on('close', broke);
  port.on('error', broke);
  port.on('end', () => broke(null));
  return {
    pause: () => void port.pause(),
    resume: () => void port.resume(),
    isThere: async () => opened !== null && (await identify(path)) === opened,
    async close() {
      open = false;
      await new Promise<void>((resolve) => {
        // An error says that it is closed already, which is what was asked for.
        if (port.isOpen) port.close(() => resolve());
        else resolve();
      });
    },
  };
};

/** What the path, or the link there, leads to; a device that was unplugged and plugged in again has another node. */
async function identify(path: string): Promise<string | null> {
  try {
    const { dev, ino, rdev } = await stat(path);
    return `${dev}:${ino}:${rdev}`;
  } catch {
    return null;
  }
}
