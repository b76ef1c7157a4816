/**
 * Makes sure that the programs which tests (and benchmarks) start are there. Silent when they are; as root it installs
 * what is missing through apt, otherwise it names the one command to run and exits 1.
 * `node test/prerequisites.ts [bench]`
 */
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync } from 'node:fs';
import { delimiter, isAbsolute, join } from 'node:path';

/** What a test needs, and the Debian package that brings it: a program by its name, anything else by its path. */
interface Tool {
  readonly command: string;
  readonly package: string;
}

const testTools: readonly Tool[] = [
  { command: 'gcc', package: 'gcc' }, // builds the shims that log writes (and, for benchmarks, slow fsync)
  { command: '/usr/include/stdio.h', package: 'libc6-dev' }, // which gcc only recommends
  { command: 'faketime', package: 'faketime' }, // a program that believes another date
  { command: 'git', package: 'git' }, // the files that the tidiness rules look at
  { command: 'mosquitto_pub', package: 'mosquitto-clients' }, // a third party's MQTT client
  { command: 'openssl', package: 'openssl' }, // a third party's eyes on our certificates
  { command: 'pdftoppm', package: 'poppler-utils' }, // a third party's eyes on what is printed: pictures, text and fonts
  { command: 'socat', package: 'socat' }, // pty pairs: a scanner's and an Arduino's wire
  { command: 'zbarimg', package: 'zbar-tools' }, // the other decoder of printed codes
];

const benchTools: readonly Tool[] = [
  ...testTools,
  { command: 'mosquitto', package: 'mosquitto' }, // the broker that ours is compared with
];

/** Debian keeps daemons where a user's PATH does not look. */
const daemonDirs = ['/usr/sbin', '/usr/local/sbin'];

/** Below this the programs do not start at all; `.node-version` and package.json pin the exact one. */
const nodeMajorMin = 24;

/** The tools of a list that are not on this machine. */
function missing(tools: readonly Tool[]): readonly Tool[] {
  const dirs = [...(process.env.PATH ?? '').split(delimiter), ...daemonDirs];
  const isThere = (name: string) =>
    isAbsolute(name) ? existsSync(name) : dirs.some((dir) => isExecutable(join(dir, name)));
  return tools.filter(({ command }) => !isThere(command));
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Runs one command as Debian's tools like it in scripts; its output is shown only when it fails. */
function runQuietly(command: string, args: readonly string[]): boolean {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  if (status === 0) return true;
  process.stderr.write(`${command} ${args.join(' ')} failed:\n${stdout ?? ''}${stderr ?? ''}${error?.message ?? ''}\n`);
  return false;
}

/** Installs Debian packages. A package's own service is not started: a broker on port 1883 is nobody's wish. */
function install(packages: readonly string[]): boolean {
  const policy = '/usr/sbin/policy-rc.d';
  const forbidServices = !existsSync(policy);
  if (forbidServices) runQuietly('sh', ['-c', `printf '#!/bin/sh\\nexit 101\\n' > ${policy} && chmod 755 ${policy}`]);
  try {
    return (
      runQuietly('apt-get', ['update']) &&
      runQuietly('apt-get', ['install', '-y', '--no-install-recommends', ...packages])
    );
  } finally {
    if (forbidServices) runQuietly('rm', ['-f', policy]);
  }
}

/** Checks the pinned Node and the tools; true when everything is there (or was installed). */
function prepare(tools: readonly Tool[]): boolean {
  if (Number.parseInt(process.versions.node, 10) < nodeMajorMin) {
    process.stderr.write(`Node ${process.versions.node} is too old here. Run: npm ci && npm test\n`);
    return false;
  }
  const packages = [...new Set(missing(tools).map((tool) => tool.package))];
  if (packages.length === 0) return true;
  if (process.getuid?.() !== 0) {
    process.stderr.write(
      `Programs that the tests need are missing. Run: sudo apt-get update && sudo apt-get install -y --no-install-recommends ${packages.join(' ')}\n`,
    );
    return false;
  }
  process.stderr.write(`Installing ${packages.join(' ')} (Debian packages) …\n`);
  if (!install(packages)) return false;
  const still = missing(tools);
  for (const { command } of still) process.stderr.write(`${command} is still missing after the installation.\n`);
  return still.length === 0;
}

if (!prepare(process.argv[2] === 'bench' ? benchTools : testTools)) process.exitCode = 1;
