/** The npm scripts, as a supervisor or a person ends them: a signal to npm is to reach the program, and nothing may outlive it. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { isErrno } from '../../shared/system-error.ts';
import { startProcess } from '../fakes/processes.ts';
import { SiteFolder, startDeadlineMs } from '../fakes/site.ts';

/** Every process that was given this folder in its environment. */
function processesOf(dir: string): readonly string[] {
  return readdirSync('/proc').filter((pid) => /^\d+$/.test(pid) && environmentOf(pid).includes(dir));
}

function environmentOf(pid: string): string {
  try {
    return readFileSync(join('/proc', pid, 'environ'), 'utf8');
  } catch (error) {
    // It has ended meanwhile, or is another user's.
    if (isErrno(error, 'ENOENT', 'ESRCH', 'EACCES')) return '';
    throw error;
  }
}

describe('SIGTERM', () => {
  it.each([
    ['`npm run -s gateway`', ['run', '-s', 'gateway'], 'gateway.ready', 'gateway.stopped'],
    ['`npm start`', ['start'], 'link.connected', 'gateway.stopped'],
  ])(
    'to npm for %s ends the program with its exit code and leaves nothing behind',
    async (_title, args, ready, stopped) => {
      using folder = new SiteFolder();
      const env = {
        ...{ HOME: folder.dir, RAVAO_DATA_DIR: folder.gatewayDir, RAVAO_MQTT_PORT: '0', RAVAO_SCANNER: 'stdin' },
        RAVAO_BOARD: 'terminal',
      };
      await using npm = await startProcess(args, { command: 'npm', env });
      await npm.waitForLog(ready, startDeadlineMs);
      expect(processesOf(folder.dir)).not.toEqual([]);
      expect(await npm.kill('SIGTERM')).toEqual({ code: 0, signal: null });
      expect(npm.logs.map(({ event }) => event)).toContain(stopped);
      expect(processesOf(folder.dir)).toEqual([]);
    },
  );

  it('ends a site that is still starting', async () => {
    using folder = new SiteFolder();
    const env = { RAVAO_DATA_DIR: folder.dir, RAVAO_MQTT_PORT: '0', RAVAO_SCANNER: 'stdin' };
    await using site = await startProcess(['site/main.ts'], { env });
    await site.waitForLog('trust.opened', startDeadlineMs);
    expect(await site.kill('SIGTERM')).toEqual({ code: 0, signal: null });
    expect(site.stderr()).toBe('');
    expect(processesOf(folder.dir)).toEqual([]);
  });
});
