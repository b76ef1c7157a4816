/** The kiosk that paper is: an enrolled one, whose certificate and keys lie in the data directory. */
import { randomBytes, X509Certificate } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Fault } from '../../shared/fault.ts';
import type { Clock } from '../../shared/ports.ts';
import { makeDurableFolder } from '../../shared/system/durable.ts';
import { isErrno } from '../../shared/system-error.ts';
import type { Audit } from '../audit/audit.ts';
import type { Trust } from '../trust/authority.ts';
import { putFile, secretFileMode } from '../trust/durable-file.ts';
import { authorityOf, newest } from '../trust/grant.ts';
import { keyBytes, toDiskFault, trustFiles } from '../trust/trust-files.ts';

/** The folder in the data directory. */
const folderName = 'backfill';

const idKeyFile = 'id.key';

/** A certificate that ends sooner than this is made anew, in milliseconds. */
const renewBeforeMs = 30 * 86_400_000;

/** What the command needs to act as a kiosk. */
export interface PaperKiosk {
  readonly kiosk: string;
  readonly caPem: string;
  readonly certPem: string;
  readonly keyPem: string;
  /** What the ids of lines are made with; never changed. */
  readonly idKey: Uint8Array;
}

/**
 * Opens the kiosk's folder, and enrols it first where there is none. Throws the Faults KIOSK_ID_INVALID, KIOSK_ID_TAKEN,
 * AUDIT_WRITE_FAILED, ENROL_FAILED and DATA_DIR_UNUSABLE.
 */
export async function openPaperKiosk(
  kiosk: string,
  parts: { readonly dataDir: string; readonly trust: Trust; readonly audit: Audit; readonly clock: Clock },
): Promise<PaperKiosk> {
  const { dataDir, trust, audit, clock } = parts;
  const root = join(dataDir, folderName);
  const folder = join(root, kiosk);
  try {
    if (!(await isUsable(folder, trust, clock.nowMs()))) {
      if ((await readOr(join(folder, 'cert.pem'))) === null) await refuseRealKiosk(dataDir, kiosk);
      await audit.record({ action: 'kiosk.enrol', what: { kiosk, for: folderName } });
      const { serial, notAfter } = await trust.enrol(kiosk, folder, { force: true });
      await audit.record({ action: 'kiosk.enrolled', what: { kiosk, serial, notAfter } });
    }
    const pem = async (name: string) => (await readFile(join(folder, name))).toString();
    const idKey = await openIdKey(root);
    return { kiosk, caPem: trust.caPem, certPem: await pem('cert.pem'), keyPem: await pem('key.pem'), idKey };
  } catch (error) {
    throw toDiskFault(root, error);
  }
}

async function isUsable(folder: string, { contents }: Trust, nowMs: number): Promise<boolean> {
  const pem = await readOr(join(folder, 'cert.pem'));
  if (pem === null || (await readOr(join(folder, 'key.pem'))) === null) return false;
  try {
    const isCurrent = authorityOf(pem.toString(), contents).id === newest(contents.authorities).id;
    return isCurrent && new X509Certificate(pem).validToDate.getTime() - nowMs > renewBeforeMs;
  } catch {
    return false;
  }
}

/** A gate's own kiosk must not get a second certificate: the two would look like one machine that was copied. */
async function refuseRealKiosk(dataDir: string, kiosk: string): Promise<void> {
  const enrolled = await readOr(join(dataDir, 'trust', trustFiles.enrolled));
  const ids = (enrolled?.toString() ?? '').split('\n').map((line) => /"kiosk":"([^"]+)"/.exec(line)?.[1]);
  if (ids.includes(kiosk)) throw new Fault('KIOSK_ID_TAKEN', `Kiosk: ${kiosk}`);
}

async function openIdKey(folder: string): Promise<Uint8Array> {
  const path = join(folder, idKeyFile);
  makeDurableFolder(folder);
  if ((await readOr(path)) === null) {
    // Where another process was faster, theirs is the key.
    await putFile(folder, { name: idKeyFile, content: randomBytes(keyBytes), mode: secretFileMode });
  }
  const found = await readFile(path);
  if (found.byteLength === keyBytes) return found;
  throw new Fault('TRUST_DAMAGED', `${path} holds ${found.byteLength} bytes instead of ${keyBytes}.`);
}

/** The kiosks of a data directory that are paper. Throws what the system says. */
export async function paperKiosks(dataDir: string): Promise<readonly string[]> {
  try {
    const found = await readdir(join(dataDir, folderName), { withFileTypes: true });
    return found.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return [];
    throw error;
  }
}

async function readOr(path: string): Promise<Buffer | null> {
  try {
    return await readFile(path);
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return null;
    throw error;
  }
}
