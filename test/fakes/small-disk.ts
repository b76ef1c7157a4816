/** Disks that fill while a program runs, and have room again later. */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { projectDir, type RunningProcess, runProcess, startProcess } from './processes.ts';

export interface SmallDisk {
  readonly title: string;
  /** Starts a program of the project whose data directory lies on the disk, with what that directory holds already. */
  start(program: string, env: Readonly<Record<string, string>>): Promise<RunningProcess>;
  /** Where a running program's data directory is, seen from here. SQLite does not follow such a path. */
  seen(running: RunningProcess, dir: string): string;
  /** Runs another program of the project to its end, on the same disk. */
  run(
    running: RunningProcess,
    args: readonly string[],
    env: Readonly<Record<string, string>>,
  ): ReturnType<typeof runProcess>;
  fill(running: RunningProcess, dir: string): void;
  free(running: RunningProcess, dir: string): void;
}

const ballastName = 'ballast';
const namespaces = ['--map-root-user', '--user', '--mount'];

/** A file system of its own in memory, which something else fills: write(2) fails with ENOSPC. */
function ownFileSystem(sizeMiB: number): SmallDisk {
  const ballast = (running: RunningProcess, dir: string) => join(seen(running, dir), ballastName);
  const seen = ({ pid }: RunningProcess, dir: string) => `/proc/${pid}/root${dir}`;
  return {
    title: 'a file system that something else fills',
    start(program, env) {
      const dir = env.RAVAO_DATA_DIR ?? '';
      mkdirSync(dir, { recursive: true });
      cpSync(dir, `${dir}.before`, { recursive: true });
      const script = `mount -t tmpfs -o size=${sizeMiB}m,mode=700 none "$1" && cp -a "$1.before/." "$1" && exec "$2" "$3"`;
      const args = [...namespaces, 'sh', '-c', script, 'sh', dir, process.execPath, program];
      return startProcess(args, { command: 'unshare', env });
    },
    seen,
    run({ pid }, args, env) {
      const enter = ['--target', String(pid), '--user', '--mount', '--preserve-credentials', `--wd=${projectDir}`];
      return runProcess([...enter, process.execPath, ...args], { command: 'nsenter', env });
    },
    fill(running, dir) {
      try {
        writeFileSync(ballast(running, dir), Buffer.alloc(sizeMiB * 1024 * 1024));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOSPC') return;
        throw error;
      }
    },
    free: (running, dir) => rmSync(ballast(running, dir)),
  };
}

/** A limit on the size of files, which anybody may set on a running program: write(2) fails with EFBIG. */
const fileLimit: SmallDisk = {
  title: 'a disk whose writes fail',
  start: (program, env) => startProcess([program], { env }),
  seen: (_running, dir) => dir,
  run: (_running, args, env) => runProcess(args, { env }),
  fill: (running) => limitFiles(running, '0'),
  free: (running) => limitFiles(running, 'unlimited'),
};

function limitFiles({ pid }: RunningProcess, limit: string): void {
  if (!runs('prlimit', '--pid', String(pid), `--fsize=${limit}:`)) throw new Error('prlimit cannot set a file limit');
}

function runs(command: string, ...args: string[]): boolean {
  return spawnSync(command, args, { stdio: 'ignore' }).status === 0;
}

/**
 * The small disks of this machine. A file system of its own needs namespaces, which some containers forbid even to root;
 * there the limit is tried alone, and the title says so.
 */
export function smallDisks(sizeMiB: number): readonly SmallDisk[] {
  if (runs('unshare', ...namespaces, 'mount', '-t', 'tmpfs', 'none', tmpdir()))
    return [fileLimit, ownFileSystem(sizeMiB)];
  return [{ ...fileLimit, title: `${fileLimit.title} (this machine lets no test mount a file system)` }];
}
