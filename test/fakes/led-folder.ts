import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Outputs, outputNames } from '../../hardware/indicator/signals.ts';

/** A folder like /sys/class/leds with the four LEDs of a gate. */
export interface LedFolder extends AsyncDisposable {
  readonly root: string;
  /** The path of one file of one LED: `brightness`, `trigger`, `max_brightness`. */
  file(output: keyof Outputs, name: string): string;
  /** What is lit now. Rejects when a LED is not there. */
  read(): Promise<Outputs>;
  /** All LEDs vanish, as when their overlay is removed. */
  unplug(): Promise<void>;
  /** They are there again, dark. */
  replug(): Promise<void>;
}

/** Makes such a folder; dark, with a trigger that blinks on its own, as the kernel's `heartbeat`. */
export async function makeLedFolder(): Promise<LedFolder> {
  const parent = await mkdtemp(join(tmpdir(), 'ravao-leds-'));
  const root = join(parent, 'leds');
  const file = (output: keyof Outputs, name: string) => join(root, `ravao-${output}`, name);
  const replug = async () => {
    const building = join(parent, 'building');
    for (const output of outputNames) {
      await mkdir(join(building, `ravao-${output}`), { recursive: true });
      await writeFile(join(building, `ravao-${output}`, 'brightness'), '0\n');
      await writeFile(join(building, `ravao-${output}`, 'max_brightness'), '255\n');
      await writeFile(join(building, `ravao-${output}`, 'trigger'), 'none [heartbeat]\n');
    }
    await rename(building, root);
  };
  await replug();
  return {
    root,
    file,
    async read() {
      const entries = outputNames.map(async (output) => {
        const text = (await readFile(file(output, 'brightness'), 'utf8')).trim();
        return [output, text === '255'] as const;
      });
      return Object.fromEntries(await Promise.all(entries)) as Outputs;
    },
    unplug: () => rm(root, { recursive: true }),
    replug,
    [Symbol.asyncDispose]: () => rm(parent, { recursive: true, force: true }),
  };
}
