/** A site's certificate authority and keys: made at the first start, then only read. */
import { sign, X509Certificate } from 'node:crypto';
import type { SiteNotice } from '../../shared/entry.ts';
import { Fault } from '../../shared/fault.ts';
import type { Clock, Log } from '../../shared/ports.ts';
import { makeDurableFolder } from '../../shared/system/durable.ts';
import { kioskIdSchema } from '../../shared/topics.ts';
import { publicFileMode, replaceFile, secretFileMode } from './durable-file.ts';
import type { Enrolled } from './enrolled.ts';
import { type EnrolledFile, refuseToOverwrite, writeEnrolment } from './enrolment.ts';
import { gatewayNames, type Machine, missingName, thisMachine } from './gateway-names.ts';
import { type Grant, grantBy, newest, noticeBy, trustedPem } from './grant.ts';
import { type KioskRecords, RecordFiles } from './kiosk-records.ts';
import { gatewayValidMs, renewAtShare } from './lifetimes.ts';
import {
  type Authority,
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
  /** One authority or, while it is being changed, both: first the one that the certificate is by. */
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

export interface Trust extends KioskRecords {
  /** What kiosks are told of the site: its name, the key to seal identities to, and which credentials they are to have. */
  readonly notice: SiteNotice;
  /** The site's authority; while it is being changed both, first the one that the gateway's certificate is by. */
  readonly caPem: string;
  /**
   * The gateway's certificate, which is made anew first when a third or less of its life is left, or when it lacks a
   * name or an address of this machine. The key stays the same.
   * Throws the Fault DATA_DIR_UNUSABLE when a new one cannot be written.
   * @param listenHost where the gateway listens (`RAVAO_MQTT_HOST`).
   */
  gatewayCredentials(listenHost: string): Promise<GatewayCredentials>;
  /**
   * Writes `ca.pem cert.pem key.pem site.json subject.key`, and once that key was changed `former-subject.keys`, for a kiosk. Works while the gateway is serving.
   * Throws the Faults KIOSK_ID_INVALID, ENROL_EXISTS, ENROL_FAILED and DATA_DIR_UNUSABLE.
   */
  enrol(kiosk: string, folder: string, options?: { force?: boolean }): Promise<Enrolled>;
  /**
   * Makes a certificate for a key that the kiosk made itself, and records it. Throws the Faults KIOSK_ID_INVALID and
   * DATA_DIR_UNUSABLE. @param publicKey P-256, SubjectPublicKeyInfo in DER.
   * @param by the newest authority, unless it is for a kiosk that knows only the one which the gateway shows.
   */
  certify(kiosk: string, publicKey: Uint8Array, by?: 'newest' | 'serving'): Promise<Certified>;
  /** What a kiosk is given with a certificate: whom to trust, the site's notice, the key of the pseudonyms. */
  grant(certPem: string): Grant;
  /** The key of the pseudonyms, for a kiosk that has proved itself. */
  readonly subjectKey: Uint8Array;
  /** Every key that the site has, oldest first; tracing computes subjects with each of `subjectKeys`. */
  readonly contents: TrustContents;
  /** Looks whether keys were changed meanwhile. Throws the Faults TRUST_DAMAGED and DATA_DIR_UNUSABLE; then all stays as it was. */
  refresh(): Promise<void>;
  /** The signature, under an invitation, of the authority that the gateway shows: ECDSA with SHA-256, 64 bytes. See `shared/invitation.ts`. */
  signInvitation(bytes: Uint8Array): Uint8Array;
  /** Cuts off all certificates that are by an older authority than the gateway shows, durably. Throws the Fault DATA_DIR_UNUSABLE. */
  revokeOlder(): Promise<void>;
}

/** A certificate that was made for a kiosk's key. */
export interface Certified {
  readonly certPem: string;
  readonly enrolled: Enrolled;
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
    const siteKeyHere = contents.sealingKeys.some(({ isPrivateKeyHere }) => isPrivateKeyHere);
    log.info('trust.opened', { key: newest(contents.sealingKeys).id, siteKeyHere });
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

class FolderTrust extends RecordFiles implements Trust {
  readonly #options: Required<TrustOptions>;
  #contents: TrustContents;
  /** The certificate that was made last, and by which authority. */
  #gateway: { readonly id: string; readonly pem: string };

  constructor(folder: string, contents: TrustContents, options: Required<TrustOptions>) {
    super(folder, options.clock);
    this.#options = options;
    this.#contents = contents;
    this.#gateway = { id: contents.serving.id, pem: contents.serving.gatewayPem };
  }

  get contents(): TrustContents {
    return this.#contents;
  }

  get caPem(): string {
    return trustedPem(this.#contents);
  }

  get notice(): SiteNotice {
    return noticeBy(newest(this.#contents.authorities), this.#contents, this.#options.site);
  }

  get subjectKey(): Uint8Array {
    return newest(this.#contents.subjectKeys).key;
  }

  async refresh(): Promise<void> {
    this.#contents = await this.guard(() => readTrustFolder(this.folder));
  }

  grant(certPem: string): Grant {
    return grantBy(certPem, this.#contents, this.#options.site);
  }

  async gatewayCredentials(listenHost: string): Promise<GatewayCredentials> {
    const { serving } = this.#contents;
    const names = gatewayNames(listenHost, this.#options.machine());
    if (this.#gateway.id !== serving.id) this.#gateway = { id: serving.id, pem: serving.gatewayPem };
    const reason = this.#whyRenew(new X509Certificate(this.#gateway.pem), names);
    if (reason !== null) await this.#renewGateway(serving, names, reason);
    return { caPem: this.caPem, certPem: this.#gateway.pem, keyPem: serving.gatewayKeyPem };
  }

  /** Why the certificate must be made anew, for the log, or null. */
  #whyRenew(certificate: X509Certificate, names: readonly string[]): string | null {
    const missing = missingName(certificate, names);
    if (missing !== null) return `it lacks ${missing}`;
    const endMs = certificate.validToDate.getTime();
    // None can outlive the authority: in its last months, or when the clock is far ahead, a new one gains nothing.
    if (endMs >= new X509Certificate(this.#contents.serving.certPem).validToDate.getTime()) return null;
    return endMs - this.#options.clock.nowMs() <= gatewayValidMs * renewAtShare ? 'it ends soon' : null;
  }

  async #renewGateway(serving: Authority, names: readonly string[], reason: string): Promise<void> {
    const { clock, log } = this.#options;
    const { makeGatewayCertificate } = await import('./certificate.ts');
    const pem = await makeGatewayCertificate(serving, serving.gatewayKeyPem, names, clock.nowMs());
    await this.guard(() =>
      replaceFile(serving.folder, { name: trustFiles.gateway, content: pem, mode: publicFileMode }),
    );
    this.#gateway = { id: serving.id, pem };
    log.info('trust.gateway-renewed', { reason, notAfter: new X509Certificate(pem).validToDate.toISOString() });
  }

  async enrol(kiosk: string, folder: string, { force = false } = {}): Promise<Enrolled> {
    if (!kioskIdSchema.safeParse(kiosk).success) throw new Fault('KIOSK_ID_INVALID', JSON.stringify(kiosk));
    if (!force) await refuseToOverwrite(folder);
    const { clock, log } = this.#options;
    const { makeKioskCertificate } = await import('./certificate.ts');
    const authority = newest(this.#contents.authorities);
    const made = await makeKioskCertificate(authority, kiosk, clock.nowMs());
    const { caPem, notice, subjectKey, formerSubjectKeys } = this.grant(made.certPem);
    const former = Buffer.concat(formerSubjectKeys);
    const files: readonly EnrolledFile[] = [
      { name: 'ca.pem', content: caPem, mode: publicFileMode },
      { name: 'cert.pem', content: made.certPem, mode: publicFileMode },
      { name: 'key.pem', content: made.keyPem, mode: secretFileMode },
      { name: 'site.json', content: `${JSON.stringify(notice)}\n`, mode: publicFileMode },
      { name: 'subject.key', content: subjectKey, mode: secretFileMode },
      ...(former.length > 0 ? [{ name: 'former-subject.keys', content: former, mode: secretFileMode } as const] : []),
    ];
    const enrolled = await this.#record(kiosk, made.certPem, authority);
    await writeEnrolment(folder, files);
    log.info('trust.enrolled', { ...enrolled, folder });
    return enrolled;
  }

  async certify(kiosk: string, publicKey: Uint8Array, by: 'newest' | 'serving' = 'newest'): Promise<Certified> {
    if (!kioskIdSchema.safeParse(kiosk).success) throw new Fault('KIOSK_ID_INVALID', JSON.stringify(kiosk));
    const { certifyKiosk } = await import('./certificate.ts');
    const authority = by === 'serving' ? this.#contents.serving : newest(this.#contents.authorities);
    const certPem = await certifyKiosk(authority, kiosk, Uint8Array.from(publicKey), this.#options.clock.nowMs());
    return { certPem, enrolled: await this.#record(kiosk, certPem, authority) };
  }

  signInvitation(bytes: Uint8Array): Uint8Array {
    return sign('sha256', bytes, { key: this.#contents.serving.keyPem, dsaEncoding: 'ieee-p1363' });
  }

  revokeOlder(): Promise<void> {
    const { serving, authorities } = this.#contents;
    // Records of the first version name no authority: then there was one.
    const good = authorities.filter(({ number }) => number >= serving.number);
    const isGood = (keys: Enrolled['keys']) =>
      good.some(({ number, id }) => (keys === undefined ? number === 1 : keys.authority === id));
    return this.revokeAll(({ keys }) => !isGood(keys)).then(() => undefined);
  }

  /** Recorded before it is handed out: a certificate that nobody knows of could never be revoked. */
  async #record(kiosk: string, certPem: string, authority: Authority): Promise<Enrolled> {
    const certificate = new X509Certificate(certPem);
    const { sealingKeys, subjectKeys } = this.#contents;
    const enrolled: Enrolled = {
      kiosk,
      serial: certificate.serialNumber.toLowerCase(),
      notAfter: certificate.validToDate.toISOString(),
      at: new Date(this.#options.clock.nowMs()).toISOString(),
      keys: { authority: authority.id, site: newest(sealingKeys).id, subject: newest(subjectKeys).id },
    };
    await this.append(trustFiles.enrolled, enrolled);
    return enrolled;
  }
}
