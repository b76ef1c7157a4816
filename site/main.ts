/**
 * `npm start`: a whole site on one machine. A gateway and one kiosk enrolled with it, each a process of its own as in
 * production; when one ends, the other is stopped.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gatewayNodeFlags, kioskNodeFlags } from '../shared/system/memory.ts';
import { exitCode, runProgram } from '../shared/system/program.ts';

const kiosk = 'gate-a';
const projectDir = fileURLToPath(new URL('..', import.meta.url));

interface Streams {
  readonly input: 'inherit' | 'ignore';
  readonly output: 'inherit' | 'ignore';
}

/** Runs one of the two programs on the Node that runs this one. */
function start(
  script: string,
  args: readonly string[],
  environment: Record<string, string>,
  { input, output }: Streams,
): ChildProcess {
  const flags = script.startsWith('gateway/') ? gatewayNodeFlags : kioskNodeFlags;
  return spawn(process.execPath, [...flags, join(projectDir, script), ...args], {
    stdio: [input, output, 'inherit', 'ipc'],
    env: { ...process.env, ...environment },
  });
}

/** Resolves with the exit code; a process that a signal ended has failed. */
function ended(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => resolve(code ?? exitCode.failed));
  });
}

/** Whether the kiosk's credentials were written by the authority that this site's gateway has now. */
function isEnrolled(credentialsDir: string, gatewayDir: string): boolean {
  const [theirs, ours] = [join(credentialsDir, 'ca.pem'), join(gatewayDir, 'trust', 'ca.pem')];
  return existsSync(theirs) && existsSync(ours) && readFileSync(theirs).equals(readFileSync(ours));
}

/** The gateway says where it listens once it does; null when it ended before. */
function listening(gateway: ChildProcess): Promise<number | null> {
  return new Promise((resolve) => {
    gateway.once('message', (message) => resolve((message as { port: number }).port));
    gateway.once('exit', () => resolve(null));
  });
}

async function runSite(signal: AbortSignal): Promise<number> {
  const asked = new Promise<'asked'>((resolve) => {
    signal.addEventListener('abort', () => resolve('asked'), { once: true });
  });
  const dataDir = process.env.RAVAO_DATA_DIR || './data';
  const gatewayDir = join(dataDir, 'gateway');
  const credentialsDir = process.env.RAVAO_CREDENTIALS || join(dataDir, 'kiosk', 'credentials');
  const gatewayEnvironment = { RAVAO_DATA_DIR: gatewayDir };
  if (!isEnrolled(credentialsDir, gatewayDir)) {
    const enrol = ['enrol', kiosk, '--out', credentialsDir, '--force'];
    const code = await ended(
      start('gateway/main.ts', enrol, gatewayEnvironment, { input: 'ignore', output: 'ignore' }),
    );
    if (code !== exitCode.ok || signal.aborted) return code;
  }
  const gateway = start('gateway/main.ts', ['serve'], gatewayEnvironment, { input: 'ignore', output: 'inherit' });
  const gatewayEnded = ended(gateway);
  const port = await Promise.race([listening(gateway), asked]);
  if (port === null || port === 'asked') return stop(gateway, gatewayEnded);
  const kioskProcess = start(
    'kiosk/main.ts',
    [],
    {
      RAVAO_DATA_DIR: join(dataDir, 'kiosk'),
      RAVAO_CREDENTIALS: credentialsDir,
      RAVAO_GATEWAY_URL: `mqtts://127.0.0.1:${port}`,
      RAVAO_GATE: process.env.RAVAO_GATE || 'Cổng A',
    },
    { input: 'inherit', output: 'inherit' },
  );
  const kioskEnded = ended(kioskProcess);
  await Promise.race([asked, kioskEnded, gatewayEnded]);
  // The kiosk stops first, so that it can still tell the gateway.
  return Math.max(await stop(kioskProcess, kioskEnded), await stop(gateway, gatewayEnded));
}

/** Asks a process to stop, which one that has ended does not hear, and gives its exit code. */
function stop(child: ChildProcess, hasEnded: Promise<number>): Promise<number> {
  child.kill('SIGTERM');
  return hasEnded;
}

process.exit(await runProgram(runSite));
