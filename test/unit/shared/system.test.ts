import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { systemChance } from '../../../shared/system/chance.ts';
import { systemClock } from '../../../shared/system/clock.ts';
import { createLog } from '../../../shared/system/log.ts';
import { runProcess } from '../../fakes/processes.ts';

/** Runs a script in a process of its own that has `log`, a log of the program `kiosk` at level `info`. */
function runWithLog(script: string) {
  const prelude = `import { createLog } from './shared/system/log.ts'; const log = createLog('kiosk', 'info');`;
  return runProcess(['--input-type=module', '-e', prelude + script]);
}

describe('the log', () => {
  test('writes one JSON object a line, with the event, its fields, the program and the time', async () => {
    const { stdout } = await runWithLog(`log.info('link.connected', { port: 8883 }); log.warn('x.y');`);
    const [first, second] = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(first).toMatchObject({ level: 'info', event: 'link.connected', port: 8883, program: 'kiosk' });
    expect(new Date(String(first?.time)).toISOString()).toBe(first?.time);
    expect(second).toMatchObject({ level: 'warn', event: 'x.y' });
  });

  test('keeps quiet below its level', async () => {
    const { stdout } = await runWithLog(`log.debug('a.b'); log.info('c.d');`);
    expect(stdout).toContain('c.d');
    expect(stdout).not.toContain('a.b');
  });

  test('has written the last event when the process is killed in the same turn', async () => {
    const { signal, stdout } = await runWithLog(`log.error('last.words'); process.kill(process.pid, 'SIGKILL');`);
    expect(signal).toBe('SIGKILL');
    expect(stdout).toContain('last.words');
  });

  test('is readable on a terminal', async () => {
    const screen = Object.assign(new PassThrough({ encoding: 'utf8' }), { isTTY: true, fd: 1 });
    createLog('kiosk', 'info', screen as unknown as typeof process.stdout).info('link.connected', {
      port: 8883,
    });
    const [text] = (await once(screen, 'data')) as string[];
    expect(text).toMatch(/kiosk link\.connected/);
    expect(text).not.toMatch(/^\{/);
  });
});

describe('the clock', () => {
  test('calls back after the time, and not when disposed before', async () => {
    const calls: string[] = [];
    const startMs = systemClock.monotonicMs();
    const cancelled = systemClock.after(1, () => calls.push('cancelled'));
    cancelled[Symbol.dispose]();
    cancelled[Symbol.dispose]();
    await new Promise<void>((resolve) => {
      systemClock.after(20, () => {
        calls.push('called');
        resolve();
      });
    });
    expect(calls).toEqual(['called']);
    expect(systemClock.monotonicMs() - startMs).toBeGreaterThanOrEqual(19);
  });

  test('counts monotonic time from boot, so that two processes agree', async () => {
    const before = systemClock.monotonicMs();
    const script = `import { systemClock } from './shared/system/clock.ts'; process.stdout.write(String(systemClock.monotonicMs()))`;
    const { stdout } = await runProcess(['--input-type=module', '-e', script]);
    expect(Number(stdout)).toBeGreaterThanOrEqual(before);
    expect(Number(stdout)).toBeLessThanOrEqual(systemClock.monotonicMs());
  });
});

test('chance gives fractions below one and as many bytes as asked for', () => {
  const fractions = Array.from({ length: 1000 }, () => systemChance.fraction());
  expect(Math.min(...fractions)).toBeGreaterThanOrEqual(0);
  expect(Math.max(...fractions)).toBeLessThan(1);
  expect(systemChance.bytes(33)).toHaveLength(33);
  expect(systemChance.bytes(16)).not.toEqual(systemChance.bytes(16));
});
