import { expect, test } from 'vitest';
import { freePort, runProcess, startProcess } from '../../fakes/processes.ts';

const logs = `process.stdin.on('data', (text) => console.log(JSON.stringify({ level: 'info', event: 'line.read', text: String(text) })));`;

test('a process that logs an event after a line of input is waited for, then killed', async () => {
  await using echo = await startProcess(['-e', logs]);
  echo.write('Nguyễn');
  const fields = await echo.waitForLog('line.read', 5000);
  expect(fields).toEqual({ level: 'info', event: 'line.read', text: 'Nguyễn' });
  expect(await echo.kill('SIGKILL')).toEqual({ code: null, signal: 'SIGKILL' });
});

test('waiting for an event fails at once with the output when the process ends first', async () => {
  await using short = await startProcess(['-e', `console.error('out of luck'); process.exit(3);`]);
  await expect(short.waitForLog('never', 20_000)).rejects.toThrow(/"code":3.*out of luck/s);
});

test('waiting for an event fails when the deadline passes', async () => {
  await using silent = await startProcess(['-e', 'process.stdin.resume()']);
  await expect(silent.waitForLog('never', 20)).rejects.toThrow(/within 20 ms/);
});

test('an event before the mark does not count', async () => {
  await using echo = await startProcess(['-e', logs]);
  echo.write('one');
  await echo.waitForLog('line.read', 5000);
  const since = echo.logs.length;
  echo.write('two');
  expect((await echo.waitForLog('line.read', 5000, { since })).text).toBe('two');
});

test('disposing a process ends it', async () => {
  const silent = await startProcess(['-e', 'process.stdin.resume()']);
  await silent[Symbol.asyncDispose]();
  await silent[Symbol.asyncDispose]();
  expect(silent.exit?.signal).toBe('SIGKILL');
});

test('a program that cannot be started is an error that names it', async () => {
  await expect(startProcess(['x'], { command: '/nonexistent/program' })).rejects.toThrow('/nonexistent/program x');
});

test('a process does not see the environment of the test', async () => {
  const { code, stdout } = await runProcess(['-p', 'Object.keys(process.env).sort().join()'], {
    env: { RAVAO_X: '1' },
  });
  expect({ code, keys: stdout.trim() }).toEqual({ code: 0, keys: 'HOME,PATH,RAVAO_X' });
});

test('every process runs on the pinned Node', async () => {
  const { stdout } = await runProcess(['-p', 'process.versions.node']);
  expect(stdout.trim()).toBe(process.versions.node);
});

test('a free port can be listened on', async () => {
  const port = await freePort();
  const { stdout } = await runProcess([
    '-e',
    `require('net').createServer().listen(${port}, '127.0.0.1', function () { console.log('listens'); this.close(); })`,
  ]);
  expect(stdout).toBe('listens\n');
});
