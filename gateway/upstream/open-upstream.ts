import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Fault } from '../../shared/fault.ts';
import type { Clock, Log, Upstream } from '../../shared/ports.ts';
import { tryTurn } from '../store/turn.ts';
import { entryFileLock } from './entry-file.ts';
import { createFileUpstream } from './file-upstream.ts';
import { createHttpsUpstream } from './https-upstream.ts';
import { readTlsFiles, type TlsPaths } from './tls-files.ts';
import type { UpstreamTarget } from './upstream-url.ts';

export interface UpstreamSettings {
  /** The site's name. */
  readonly site: string;
  /** A bearer token for HTTP upstreams; null when there is none. */
  readonly token: string | null;
  readonly tls: TlsPaths;
  /** This program's version. */
  readonly version: string;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Makes the upstream that a target names. What can only be wrong in the settings is found here; an upstream that cannot
 * be reached is not: that is a `later` of its `send`.
 * Throws UPSTREAM_TLS_INVALID, CONFIG_INVALID (a token that no header can carry) or DATA_DIR_UNUSABLE.
 */
export async function openUpstream(target: UpstreamTarget, settings: UpstreamSettings): Promise<Upstream> {
  const { site, token, version, clock, log } = settings;
  if (target.type === 'file') {
    // Only a folder of our own is made. Elsewhere it must be there: a USB stick's entries shall wait for the stick, not
    // land in its empty mount point.
    if (target.inBase) await makeFolder(dirname(target.path));
    // What this gateway keeps no more is taken out of its own files: see retention/.
    const takeTurn = () => tryTurn(entryFileLock(target.path));
    return createFileUpstream({
      name: target.name,
      path: target.path,
      clock,
      log,
      ...(target.inBase ? { takeTurn } : {}),
    });
  }
  if (token !== null && !/^[\x21-\x7e]+$/.test(token)) {
    throw new Fault('CONFIG_INVALID', 'RAVAO_UPSTREAM_TOKEN must be visible ASCII characters without spaces.');
  }
  const tls = target.secure ? await readTlsFiles(settings.tls) : {};
  const { name, url, secure } = target;
  return createHttpsUpstream({ name, url, secure, site, token, tls, version, clock, log });
}

async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw new Fault('DATA_DIR_UNUSABLE', `${folder} cannot be made.`, { cause });
  }
}
