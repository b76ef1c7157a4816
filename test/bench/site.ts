/** A site to measure: a place on a real disk, a gateway process with enrolled kiosks, what processes take. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { openTrust } from '../../gateway/trust/authority.ts';
import { systemClock } from '../../shared/system/clock.ts';
import { gatewayNodeFlags } from '../../shared/system/memory.ts';
import { projectDir, type RunningProcess, runProcess, startProcess } from '../fakes/processes.ts';
import { RecordingLog } from '../fakes/recording-log.ts';

/** How long a program may take to start or to end, in milliseconds. */
const startTimeoutMs = 30_000;

/** A folder that goes away when disposed. Not under the system's temporary folder: that may be memory, where fsync is free. */
export function makeWorkplace(name: string): Disposable & { readonly dir: string } {
  const root = join(projectDir, '.cache', 'bench');
  mkdirSync(root, { recursive: true });
  const dir = mkdtempSync(join(root, `${name}-`));
  return { dir, [Symbol.dispose]: () => rmSync(dir, { recursive: true, force: true }) };
}

/** A site whose gateway is not running yet. */
export interface Site {
  /** The gateway's data directory. */
  readonly dataDir: string;
  /** The folder with a kiosk's certificate and keys, for each kiosk `gate-0`, `gate-1`, … */
  readonly credentialDirs: readonly string[];
}

/** Makes the certificate authority and enrols kiosks, as `enrol` does. */
export async function makeSite(dir: string, kiosks: number): Promise<Site> {
  const dataDir = join(dir, 'gateway');
  const trust = await openTrust(join(dataDir, 'trust'), { site: 'bench', clock: systemClock, log: new RecordingLog() });
  const credentialDirs: string[] = [];
  for (let number = 0; number < kiosks; number++) {
    const credentialDir = join(dir, 'credentials', `gate-${number}`);
    await trust.enrol(`gate-${number}`, credentialDir, { force: false });
    credentialDirs.push(credentialDir);
  }
  return { dataDir, credentialDirs };
}

/** Starts the gateway's program and waits until it serves. */
export async function startGateway(
  site: Site,
  options: { readonly port: number; readonly upstream: string; readonly env?: Readonly<Record<string, string>> },
): Promise<RunningProcess> {
  const gateway = await startProcess([...gatewayNodeFlags, 'gateway/main.ts', 'serve'], {
    stdin: 'ignore',
    env: {
      RAVAO_DATA_DIR: site.dataDir,
      RAVAO_SITE: 'bench',
      RAVAO_MQTT_PORT: String(options.port),
      RAVAO_UPSTREAM_URL: options.upstream,
      ...options.env,
    },
  });
  await gateway.waitForLog('gateway.ready', startTimeoutMs);
  return gateway;
}

/** How many entries the gateway's store holds, by its own `check`. */
export async function countEntries(site: Site): Promise<{ entries: number; quarantined: number }> {
  const checked = await runProcess(['gateway/main.ts', 'check', '--format', 'json'], {
    env: { RAVAO_DATA_DIR: site.dataDir, RAVAO_SITE: 'bench' },
    deadlineMs: 120_000,
  });
  return JSON.parse(checked.stdout) as { entries: number; quarantined: number };
}

/** Resident memory of a process in MiB: now, and the most it ever had. */
export function memoryOf(pid: number): { readonly nowMiB: number; readonly peakMiB: number } {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const mebibytes = (field: string) => Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) / 1024;
  return { nowMiB: mebibytes('VmRSS'), peakMiB: mebibytes('VmHWM') };
}
