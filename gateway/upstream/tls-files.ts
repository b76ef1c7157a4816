import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';
import { Fault } from '../../shared/fault.ts';

/** Paths of PEM files (`RAVAO_UPSTREAM_CA`, `…_CERT`, `…_KEY`); null where not set. */
export interface TlsPaths {
  /** Certificates of the only authorities to trust; without it, those that Node trusts. */
  readonly ca: string | null;
  /** Our own certificate with its chain, for upstreams that ask for one. */
  readonly cert: string | null;
  readonly key: string | null;
}

/** What the files hold. */
export interface TlsMaterial {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

/** Reads and checks the files. Throws the Fault UPSTREAM_TLS_INVALID where one cannot be read or they do not fit together. */
export async function readTlsFiles(paths: TlsPaths): Promise<TlsMaterial> {
  if ((paths.cert === null) !== (paths.key === null)) {
    throw new Fault('UPSTREAM_TLS_INVALID', 'A certificate and its key are needed, only one of the two is set.');
  }
  const material = {
    ...(paths.ca === null ? {} : { ca: await readCertificates(paths.ca) }),
    ...(paths.cert === null ? {} : { cert: await readCertificates(paths.cert) }),
    ...(paths.key === null ? {} : { key: await readText(paths.key) }),
  };
  try {
    createSecureContext(material);
  } catch (cause) {
    throw new Fault('UPSTREAM_TLS_INVALID', `${paths.key} is no key, or not that of ${paths.cert}.`, { cause });
  }
  return material;
}

async function readCertificates(path: string): Promise<string> {
  const text = await readText(path);
  const blocks = text.match(/-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----/gs) ?? [];
  if (blocks.length === 0) throw new Fault('UPSTREAM_TLS_INVALID', `${path} holds no certificate in PEM form.`);
  try {
    for (const block of blocks) new X509Certificate(block);
  } catch (cause) {
    throw new Fault('UPSTREAM_TLS_INVALID', `${path} holds a damaged certificate.`, { cause });
  }
  return text;
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new Fault('UPSTREAM_TLS_INVALID', `${path} cannot be read.`, { cause });
  }
}
