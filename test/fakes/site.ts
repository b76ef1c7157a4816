/** A whole site of real processes in a temporary folder, for tests that need real sockets, disks and crashes. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Entry } from '../../shared/entry.ts';
import { type Exit, type RunningProcess, runProcess, startProcess } from './processes.ts';

/** How long a program may take to start or stop here, in milliseconds: far more than it does, for crowded machines. */
export const startDeadlineMs = 20_000;

export class SiteFolder implements Disposable {
  readonly dir = mkdtempSync(join(tmpdir(), 'ravao-site-'));
  readonly gatewayDir = join(this.dir, 'gateway');

  /** Environment of the gateway; it listens on a free port unless told otherwise. */
  gatewayEnv(changes: Record<string, string> = {}): Record<string, string> {
    return { RAVAO_DATA_DIR: this.gatewayDir, RAVAO_MQTT_HOST: '127.0.0.1', RAVAO_MQTT_PORT: '0', ...changes };
  }

  kioskDir(kiosk: string): string {
    return join(this.dir, kiosk);
  }

  credentialsDir(kiosk: string): string {
    return join(this.dir, `${kiosk}-credentials`);
  }

  kioskEnv(kiosk: string, port: number, changes: Record<string, string> = {}): Record<string, string> {
    return {
      RAVAO_DATA_DIR: this.kioskDir(kiosk),
      RAVAO_CREDENTIALS: this.credentialsDir(kiosk),
      RAVAO_GATEWAY_URL: `mqtts://127.0.0.1:${port}`,
      RAVAO_SCANNER: 'stdin',
      RAVAO_BOARD: 'terminal',
      ...changes,
    };
  }

  /** Starts the gateway and waits until it listens. */
  async startGateway(changes: Record<string, string> = {}): Promise<{ gateway: RunningProcess; port: number }> {
    const gateway = await startProcess(['gateway/main.ts'], { env: this.gatewayEnv(changes), stdin: 'ignore' });
    const ready = await gateway.waitForLog('gateway.ready', startDeadlineMs);
    return { gateway, port: Number(ready.port) };
  }

  async enrol(kiosk: string): Promise<void> {
    await this.command(['enrol', kiosk, '--out', this.credentialsDir(kiosk)]);
  }

  /** Starts a kiosk whose standard input is its scanner. */
  startKiosk(kiosk: string, port: number, changes: Record<string, string> = {}): Promise<RunningProcess> {
    return startProcess(['kiosk/main.ts'], { env: this.kioskEnv(kiosk, port, changes) });
  }

  /** Runs a gateway command to its end, with what is piped into it; rejects where it fails. */
  async command(args: readonly string[], input?: string): Promise<string> {
    const options = { env: this.gatewayEnv(), ...(input !== undefined && { input }) };
    const ran = await runProcess(['gateway/main.ts', ...args], options);
    if (ran.code !== 0)
      throw new Error(`gateway ${args.join(' ')} ended with ${ran.code}:\n${ran.stdout}${ran.stderr}`);
    return ran.stdout;
  }

  async entries(): Promise<Entry[]> {
    return parseLines(await this.command(['entries']));
  }

  async quarantine(): Promise<{ reason: string; kiosk: string; raw: string }[]> {
    return parseLines(await this.command(['quarantine']));
  }

  async check(): Promise<Exit & { stdout: string }> {
    return runProcess(['gateway/main.ts', 'check'], { env: this.gatewayEnv() });
  }

  /** Asks the gateway's entries again and again until there are `count`. */
  async waitForEntries(count: number, attemptsMax = 60): Promise<Entry[]> {
    let entries: Entry[] = [];
    for (let attempt = 0; attempt < attemptsMax; attempt++) {
      entries = await this.entries();
      if (entries.length >= count) return entries;
    }
    throw new Error(`there are ${entries.length} entries, not ${count}, after ${attemptsMax} looks`);
  }

  [Symbol.dispose](): void {
    rmSync(this.dir, { recursive: true, force: true });
  }
}

/** The made-up ID card number `number` of a test. */
export function idNumber(number: number): string {
  return `001099${String(number).padStart(6, '0')}`;
}

/** A made-up ID card with that number. */
export function idCard(number: number): string {
  return `${idNumber(number)}|123456789|Nguyễn Văn A|01011999|Nam|Xã X, Huyện Y, Tỉnh Z|15082021`;
}

function parseLines<T>(text: string): T[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as T);
}
