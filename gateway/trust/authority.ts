/** A site's certificate authority and keys: made at the first start, then only read. */
import { sign, X509Certificate } from 'node:crypto';
import { hostname, networkInterfaces } from 'node:os';
import { join } from 'node:path';
import type { SiteNotice } from '../../shared/entry.ts';
import { Fault } from '../../shared/fault.ts';
import type { Clock, Log } from '../../shared/ports.ts';
import { makeDurableFolder } from '../../shared/system/durable.ts';
import { kioskIdSchema } from '../../shared/topics.ts';
import { appendLine, publicFileMode, replaceFile, secretFileMode } from './durable-file.ts';
import { type Enrolled, type Revoked, readEnrolled, readRevoked } from './enrolled.ts';
import { type EnrolledFile, refuseToOverwrite, writeEnrolment } from './enrolment.ts';
import { gatewayNames, type Machine, missingName } from './gateway-names.ts';
import { gatewayValidMs, renewAtShare } from './lifetimes.ts';
import {
  hasTrust,
  makeTrustFolder,
  readTrustFolder,
  removeLeftovers,
  type TrustContents,
  toDiskFault,
  trustFiles,
} from './trust-files.ts';

/** What a gateway shows its kiosks, and whom it believes. */
export interface GatewayCredentials {
  readonly caPem: string;
  readonly certPem: string;
  readonly keyPem: string;
}

export interface TrustOptions {
  /** The site's name; goes into the authority's certificate when it is made, and into every notice. */
  readonly site: string;
  readonly clock: Clock;
  readonly log: Log;
  /** What this machine is called and where it is reached; asked again at each renewal. */
  readonly machine?: () => Machine;
}

export interface Trust {
  /** What kiosks are told of the site: its name and the key to seal identities to. */
  readonly notice: SiteNotice;
  readonly caPem: string;
  /**
   * The gateway's certificate, which is made anew first when a third or less of its life is left, or when it lacks a
   * name or an address of this machine. The key stays the same.
   * Throws the Fault DATA_DIR_UNUSABLE when a new one cannot be written.
   * @param listenHost where the gateway listens (`RAVAO_MQTT_HOST`).
   */
  gatewayCredentials(listenHost: string): Promise<GatewayCredentials>;
  /**
   * Writes `ca.pem cert.pem key.pem site.json subject.key` for a kiosk. Works while the gateway is serving.
   * Throws the Faults KIOSK_ID_INVALID, ENROL_EXISTS, ENROL_FAILED and DATA_DIR_UNUSABLE.
   */
  enrol(kiosk: string, folder: string, options?: { force?: boolean }): Promise<Enrolled>;
  /**
   * Makes a certificate for a key that the kiosk made itself, and records it. Throws the Faults KIOSK_ID_INVALID and
   * DATA_DIR_UNUSABLE. @param publicKey P-256, SubjectPublicKeyInfo in DER.
   */
  certify(kiosk: string, publicKey: Uint8Array): Promise<{ readonly certPem: string; readonly enrolled: Enrolled }>;
  /** The key of the pseudonyms, for a kiosk that has proved itself. */
  readonly subjectKey: Uint8Array;
  /** The authority's signature under an invitation: ECDSA with SHA-256, 64 bytes. See `shared/invitation.ts`. */
  signInvitation(bytes: Uint8Array): Uint8Array;
  /** Every certificate that was ever made for a kiosk, oldest first. Throws the Fault DATA_DIR_UNUSABLE. */
  enrolled(): Promise<readonly Enrolled[]>;
  /** Every certificate that was cut off. Throws the Fault DATA_DIR_UNUSABLE. */
  revoked(): Promise<readonly Revoked[]>;
  /** Cuts off all certificates that a kiosk has, durably, and says how many. Throws the Fault DATA_DIR_UNUSABLE. */
  revoke(kiosk: string): Promise<number>;
}

/**
 * Opens `folder` (`<data>/trust`), and makes it with new keys where there is none.
 * Throws the Faults TRUST_DAMAGED and DATA_DIR_UNUSABLE. Nothing that exists is ever made anew over itself: new keys
 * would lock out every kiosk and make sealed identities unreadable.
 */
export async function openTrust(folder: string, options: TrustOptions): Promise<Trust> {
  const { site, clock, log, machine = thisMachine } = options;
  try {
    if (!(await hasTrust(folder))) {
      const made = await makeOrFind(folder, site, gatewayNames('localhost', machine()), clock);
      if (made) log.info('trust.made', { folder });
    }
    // Another process may have made it and been killed before it was durable.
    makeDurableFolder(folder);
    await removeLeftovers(folder);
    const contents = await readTrustFolder(folder);
    log.info('trust.opened', { key: contents.notice.key.id, siteKeyHere: contents.siteKeyHere });
    return new FolderTrust(folder, contents, { site, clock, log, machine });
  } catch (error) {
    throw toDiskFault(folder, error);
  }
}

async function makeOrFind(folder: string, site: string, names: readonly string[], clock: Clock): Promise<boolean> {
  try {
    return await makeTrustFolder(folder, site, names, clock.nowMs());
  } catch (error) {
    // Another process made one meanwhile and swept ours away as a leftover.
    if (!(await hasTrust(folder))) throw error;
    return false;
  }
}

class FolderTrust implements Trust {
  readonly notice: SiteNotice;
  readonly caPem: string;
  readonly #folder: string;
  readonly #contents: TrustContents;
  readonly #options: Required<TrustOptions>;
  #gatewayPem: string;

  constructor(folder: string, contents: TrustContents, options: Required<TrustOptions>) {
    this.#folder = folder;
    this.#contents = contents;
    this.#options = options;
    this.#gatewayPem = contents.gatewayPem;
    this.caPem = contents.authorityPem;
    // The name may be changed in the configuration; the key stays.
    this.notice = { ...contents.notice, site: options.site };
  }

  get #authority() {
    return { certPem: this.#contents.authorityPem, keyPem: this.#contents.authorityKeyPem };
  }

  async gatewayCredentials(listenHost: string): Promise<GatewayCredentials> {
    const names = gatewayNames(listenHost, this.#options.machine());
    const reason = this.#whyRenew(new X509Certificate(this.#gatewayPem), names);
    if (reason !== null) await this.#renewGateway(names, reason);
    return { caPem: this.caPem, certPem: this.#gatewayPem, keyPem: this.#contents.gatewayKeyPem };
  }

  /** Why the certificate must be made anew, for the log, or null. */
  #whyRenew(certificate: X509Certificate, names: readonly string[]): string | null {
    const missing = missingName(certificate, names);
    if (missing !== null) return `it lacks ${missing}`;
    const endMs = certificate.validToDate.getTime();
    // None can outlive the authority: in its last months, or when the clock is far ahead, a new one gains nothing.
    if (endMs >= new X509Certificate(this.caPem).validToDate.getTime()) return null;
    return endMs - this.#options.clock.nowMs() <= gatewayValidMs * renewAtShare ? 'it ends soon' : null;
  }

  async #renewGateway(names: readonly string[], reason: string): Promise<void> {
    const { clock, log } = this.#options;
    const { makeGatewayCertificate } = await import('./certificate.ts');
    const pem = await makeGatewayCertificate(this.#authority, this.#contents.gatewayKeyPem, names, clock.nowMs());
    try {
      await replaceFile(this.#folder, { name: trustFiles.gateway, content: pem, mode: publicFileMode });
    } catch (error) {
      throw toDiskFault(this.#folder, error);
    }
    this.#gatewayPem = pem;
    log.info('trust.gateway-renewed', { reason, notAfter: new X509Certificate(pem).validToDate.toISOString() });
  }

  async enrol(kiosk: string, folder: string, { force = false } = {}): Promise<Enrolled> {
    if (!kioskIdSchema.safeParse(kiosk).success) throw new Fault('KIOSK_ID_INVALID', JSON.stringify(kiosk));
    if (!force) await refuseToOverwrite(folder);
    const { clock, log } = this.#options;
    const { makeKioskCertificate } = await import('./certificate.ts');
    const made = await makeKioskCertificate(this.#authority, kiosk, clock.nowMs());
    const files: readonly EnrolledFile[] = [
      { name: 'ca.pem', content: this.caPem, mode: publicFileMode },
      { name: 'cert.pem', content: made.certPem, mode: publicFileMode },
      { name: 'key.pem', content: made.keyPem, mode: secretFileMode },
      { name: 'site.json', content: `${JSON.stringify(this.notice)}\n`, mode: publicFileMode },
      { name: 'subject.key', content: this.#contents.subjectKey, mode: secretFileMode },
    ];
    const enrolled = await this.#record(kiosk, made.certPem);
    await writeEnrolment(folder, files);
    log.info('trust.enrolled', { ...enrolled, folder });
    return enrolled;
  }

  async certify(kiosk: string, publicKey: Uint8Array): Promise<{ certPem: string; enrolled: Enrolled }> {
    if (!kioskIdSchema.safeParse(kiosk).success) throw new Fault('KIOSK_ID_INVALID', JSON.stringify(kiosk));
    const { certifyKiosk } = await import('./certificate.ts');
    const nowMs = this.#options.clock.nowMs();
    const certPem = await certifyKiosk(this.#authority, kiosk, Uint8Array.from(publicKey), nowMs);
    return { certPem, enrolled: await this.#record(kiosk, certPem) };
  }

  get subjectKey(): Uint8Array {
    return this.#contents.subjectKey;
  }

  signInvitation(bytes: Uint8Array): Uint8Array {
    return sign('sha256', bytes, { key: this.#authority.keyPem, dsaEncoding: 'ieee-p1363' });
  }

  enrolled(): Promise<readonly Enrolled[]> {
    return this.#guard(() => readEnrolled(join(this.#folder, trustFiles.enrolled)));
  }

  revoked(): Promise<readonly Revoked[]> {
    return this.#guard(() => readRevoked(join(this.#folder, trustFiles.revoked)));
  }

  async revoke(kiosk: string): Promise<number> {
    let count = 0;
    // Until there are no more: the serving gateway may be renewing one of them, and looks here when it has recorded it.
    for (;;) {
      const before = new Set((await this.revoked()).map(({ serial }) => serial));
      const own = (await this.enrolled()).filter((one) => one.kiosk === kiosk && !before.has(one.serial));
      if (own.length === 0) return count;
      const at = new Date(this.#options.clock.nowMs()).toISOString();
      for (const { serial } of own) await this.#append(trustFiles.revoked, { kiosk, serial, at } satisfies Revoked);
      count += own.length;
    }
  }

  #append(name: string, line: object): Promise<void> {
    return this.#guard(() => appendLine(join(this.#folder, name), JSON.stringify(line)));
  }

  async #guard<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw toDiskFault(this.#folder, error);
    }
  }

  /** Recorded before it is handed out: a certificate that nobody knows of could never be revoked. */
  async #record(kiosk: string, certPem: string): Promise<Enrolled> {
    const certificate = new X509Certificate(certPem);
    const enrolled: Enrolled = {
      kiosk,
      serial: certificate.serialNumber.toLowerCase(),
      notAfter: certificate.validToDate.toISOString(),
      at: new Date(this.#options.clock.nowMs()).toISOString(),
    };
    await this.#append(trustFiles.enrolled, enrolled);
    return enrolled;
  }
}

function thisMachine(): Machine {
  const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  return { hostname: hostname(), addresses: addresses.map(({ address }) => address) };
}
