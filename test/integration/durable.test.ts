/** What the programs make of a disk that fails to sync: a real process, and an fsync that fails as it is told to. */
import { mkdtempSync, rmSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runProcess } from '../fakes/processes.ts';

const dir = mkdtempSync(join(tmpdir(), 'ravao-durable-'));
const library = join(dir, 'failing-fsync.so');

beforeAll(async () => {
  const source = fileURLToPath(new URL('../fakes/failing-fsync.c', import.meta.url));
  const built = await runProcess(['-shared', '-fPIC', '-Wall', '-o', library, source], { command: 'gcc' });
  expect(built).toMatchObject({ code: 0, stderr: '' });
});
afterAll(() => rmSync(dir, { recursive: true }));

/** Calls a function of durable.ts on a path while every fsync fails; prints its error's code, or `fine`. */
async function tryOn(name: string, path: string, error: 'EINVAL' | 'EIO' | 'ENOSPC'): Promise<string> {
  const script = `
    import { ${name} } from './shared/system/durable.ts';
    try {
      await ${name}(${JSON.stringify(path)});
      process.stdout.write('fine');
    } catch ({ code }) {
      process.stdout.write(code);
    }`;
  // The kernel would take libuv's calls from a ring in memory, past the shim.
  const env = { LD_PRELOAD: library, FSYNC_ERRNO: String(constants.errno[error]), UV_USE_IO_URING: '0' };
  const { code, stdout, stderr } = await runProcess(['--input-type=module', '-e', script], { env });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return stdout;
}

describe.each(['syncFolder', 'syncFolderAsync'])('%s', (name) => {
  test('passes over a file system that cannot sync folders', async () => {
    expect(await tryOn(name, dir, 'EINVAL')).toBe('fine');
  });

  test.each(['EIO', 'ENOSPC'] as const)('throws what else the disk says: %s', async (error) => {
    expect(await tryOn(name, dir, error)).toBe(error);
  });

  test('throws where there is no such folder', async () => {
    expect(await tryOn(name, join(dir, 'none'), 'EINVAL')).toBe('ENOENT');
  });
});

test('A file that cannot be synced is never passed over', async () => {
  expect(await tryOn('syncFile', library, 'EINVAL')).toBe('EINVAL');
});

/** How long a program may take to say that a folder cannot be made, in milliseconds. */
const saidWithinMs = 20_000;

describe('a folder where nobody can make one', () => {
  test.each([
    ['serve', ['serve']],
    ['invite', ['invite', '--gate', 'A']],
    ['enrol', ['enrol', 'gate-a', '--out', join(dir, 'out')]],
  ])('is said at once by %s', async (_title, args) => {
    const env = { RAVAO_DATA_DIR: '/proc/ravao/gateway' };
    const { code, stderr } = await runProcess(['gateway/main.ts', ...args], { env, deadlineMs: saidWithinMs });
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining('DATA_DIR_UNUSABLE') });
  });
});
