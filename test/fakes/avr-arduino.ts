import { execFile, fork } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { PinReport } from './avr-cpu.ts';
import { projectDir } from './processes.ts';
import { openPtyPair } from './pty.ts';

/** The package whose tarball holds the firmware. It is unpacked, never installed: its dependencies are old. */
const firmwarePackage = 'avrgirl-arduino@5.0.1';
const firmwareInPackage = 'package/junk/hex/uno/StandardFirmata.cpp.hex';
const firmwareSha256 = '6d57ea7cf30e26c9c2f3a01ee37907d2c951f8bc9c27f84dddad12fa9c8b8f36';

/** Fetches StandardFirmata for an Uno once, and keeps it beside the installed packages. */
async function fetchFirmware(): Promise<string> {
  const cacheDir = join(projectDir, 'node_modules', '.cache');
  const path = join(cacheDir, 'standard-firmata-uno.hex');
  const kept = await readFile(path).catch(() => null);
  if (kept !== null && digest(kept) === firmwareSha256) return path;
  await mkdir(cacheDir, { recursive: true });
  const building = await mkdtemp(join(cacheDir, 'firmware-'));
  const run = promisify(execFile);
  await run('npm', ['pack', firmwarePackage, '--silent', '--pack-destination', building], { cwd: building });
  await run('tar', ['-xzf', 'avrgirl-arduino-5.0.1.tgz', firmwareInPackage], { cwd: building });
  const fetched = await readFile(join(building, firmwareInPackage));
  if (digest(fetched) !== firmwareSha256) throw new Error(`${firmwarePackage} holds another firmware than expected`);
  await rename(join(building, firmwareInPackage), path);
  await rm(building, { recursive: true });
  return path;
}

function digest(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** An Arduino Uno with StandardFirmata on a real pseudo-terminal, simulated instruction by instruction. */
export interface AvrArduino extends AsyncDisposable {
  /** Its serial port; the same before and after a replug. */
  readonly path: string;
  /** Every change of its pins since it was made, oldest first: the digital pins that are high. */
  readonly reports: readonly PinReport[];
  /** The digital pins that are high now. */
  readonly high: readonly number[];
  /** Presses its reset button. */
  reset(): void;
  /** Freezes its processor, as a firmware that hangs: the port stays open. `false` lets it go on. */
  freeze(frozen: boolean): void;
  /** Pulls its cable: no port, no power. */
  unplug(): Promise<void>;
  replug(): Promise<void>;
}

/** Powers an Arduino up. It is ready for Firmata after two seconds. */
export async function startAvrArduino(): Promise<AvrArduino> {
  const firmware = await fetchFirmware();
  const pty = await openPtyPair();
  const reports: PinReport[] = [];
  const powerUp = () => {
    const uno = fork(join(projectDir, 'test', 'fakes', 'avr-cpu.ts'), [firmware], {
      stdio: ['pipe', 'pipe', 'inherit', 'ipc'],
    });
    uno.on('message', (message) => reports.push(message as PinReport));
    if (uno.stdin === null || uno.stdout === null) throw new Error('the simulated Arduino has no serial line');
    uno.stdin.on('error', () => {}); // written to at the moment when the cable is pulled
    pty.output.pipe(uno.stdin);
    uno.stdout.pipe(pty.input);
    return uno;
  };
  let uno = powerUp();
  const powerDown = async () => {
    if (uno.exitCode !== null || uno.signalCode !== null) return;
    const ended = new Promise((resolve) => uno.once('exit', resolve));
    uno.kill('SIGKILL');
    await ended;
    reports.push({ high: [], atMs: reports.at(-1)?.atMs ?? 0 });
  };
  return {
    path: pty.kioskPath,
    reports,
    get high() {
      return reports.at(-1)?.high ?? [];
    },
    reset: () => void uno.send('reset'),
    freeze: (frozen) => void uno.kill(frozen ? 'SIGSTOP' : 'SIGCONT'),
    async unplug() {
      await pty.unplug();
      await powerDown();
    },
    async replug() {
      await pty.replug();
      uno = powerUp();
    },
    async [Symbol.asyncDispose]() {
      await powerDown();
      await pty[Symbol.asyncDispose]();
    },
  };
}
