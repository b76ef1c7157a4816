/** Runs a program with everything that it writes, syncs and renames below one folder written down; see `write-log.c`. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Exit, projectDir, runProcess } from '../fakes/processes.ts';

/** A program under test runs at most this long, in milliseconds. */
const programTimeoutMs = 60_000;

/** One step of a program, in its place among all others. Paths are absolute. */
export type Step =
  | { readonly type: 'make-file' | 'make-folder'; readonly path: string; readonly inode: bigint }
  | {
      readonly type: 'write';
      readonly path: string;
      readonly inode: bigint;
      readonly offset: number;
      readonly data: Buffer;
    }
  | { readonly type: 'resize'; readonly path: string; readonly inode: bigint; readonly size: number }
  | { readonly type: 'sync'; readonly path: string; readonly inode: bigint }
  | { readonly type: 'rename'; readonly from: string; readonly to: string }
  | { readonly type: 'remove'; readonly path: string }
  | { readonly type: 'mark'; readonly text: string };

/** Builds the shim, once for each form of its source, and returns its path. */
async function buildShim(): Promise<string> {
  const source = fileURLToPath(new URL('write-log.c', import.meta.url));
  const digest = createHash('sha256').update(readFileSync(source)).digest('hex').slice(0, 16);
  const folder = join(projectDir, 'node_modules', '.cache');
  const library = join(folder, `write-log-${digest}.so`);
  if (existsSync(library)) return library;
  mkdirSync(folder, { recursive: true });
  const draft = `${library}.${process.pid}`;
  const args = ['-shared', '-fPIC', '-O2', '-Wall', '-o', draft, source, '-lpthread'];
  const { code, stderr } = await runProcess(args, { command: 'gcc' });
  if (code !== 0) throw new Error(`gcc failed: ${stderr}`);
  renameSync(draft, library);
  return library;
}

/**
 * Runs `node <program> <marks file> <args>` to its end and returns what it did below `dir`, which must be real (no
 * links). Its files and the log's lie in `logDir`, outside `dir`. A program that dies by SIGKILL is no failure.
 */
export async function runLogged(
  program: string,
  args: readonly string[],
  { dir, logDir }: { readonly dir: string; readonly logDir: string },
): Promise<readonly Step[]> {
  const [log, marks] = [join(logDir, 'write-log'), join(logDir, 'marks')];
  const env = {
    LD_PRELOAD: await buildShim(),
    WRITE_LOG_DIR: dir,
    WRITE_LOG_FILE: log,
    WRITE_LOG_MARKS: marks,
    // The kernel would take libuv's calls from a ring in memory, past the shim.
    UV_USE_IO_URING: '0',
  };
  const ended: Exit & { stderr: string } = await runProcess([program, marks, ...args], {
    env,
    deadlineMs: programTimeoutMs,
  });
  if (ended.code !== 0 && ended.signal !== 'SIGKILL') throw new Error(`${program} failed: ${ended.stderr}`);
  return readWriteLog(log);
}

/** As a mark: ends the program (SIGKILL) before its 3rd sync from there (`3`), or before the first after its 3rd renaming (`r3`). */
export function endAtSync(which: string): string {
  return `!${which}\0`;
}

/** What a program under test calls to say something in its place among its writes. */
export function openMarks(path: string): (text: string) => void {
  const descriptor = openSync(path, 'a');
  return (text) => void writeSync(descriptor, text);
}

const stepTypes = [
  'make-file',
  'make-folder',
  'write',
  'resize',
  'sync',
  'rename',
  'remove',
  'mark',
  'unknown',
] as const;
const recordBytes = 32;

function readWriteLog(file: string): Step[] {
  const log = existsSync(file) ? readFileSync(file) : Buffer.alloc(0);
  const steps: Step[] = [];
  for (let at = 0; at < log.length; ) {
    const [pathBytes, otherBytes, dataBytes] = [4, 8, 12].map((field) => log.readUInt32LE(at + field)) as [
      number,
      number,
      number,
    ];
    const pathAt = at + recordBytes;
    const dataAt = pathAt + pathBytes + otherBytes;
    const next = dataAt + dataBytes;
    steps.push(
      toStep(stepTypes[log.readUInt32LE(at) - 1] ?? 'unknown', {
        path: log.toString('utf8', pathAt, pathAt + pathBytes).replace(/ \(deleted\)$/, ''),
        other: log.toString('utf8', pathAt + pathBytes, dataAt),
        data: log.subarray(dataAt, next),
        inode: log.readBigUInt64LE(at + 16),
        offset: Number(log.readBigUInt64LE(at + 24)),
      }),
    );
    at = next;
  }
  return steps;
}

interface Record {
  readonly path: string;
  readonly other: string;
  readonly data: Buffer;
  readonly inode: bigint;
  readonly offset: number;
}

function toStep(type: (typeof stepTypes)[number], { path, other, data, inode, offset }: Record): Step {
  switch (type) {
    case 'make-file':
    case 'make-folder':
    case 'sync':
      return { type, path, inode };
    case 'write':
      return { type, path, inode, offset, data };
    case 'resize':
      return { type, path, inode, size: offset };
    case 'rename':
      return { type, from: path, to: other };
    case 'remove':
      return { type, path };
    case 'mark':
      return { type, text: data.toString() };
    case 'unknown':
      throw new Error(`the program called ${path} on ${other}, which the write log does not follow`);
  }
}
