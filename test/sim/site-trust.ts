/**
 * The certificates of a world, by the real authority: kiosks are enrolled, renew, are revoked, and are enrolled anew. Keys
 * are made on threads, and no two runs make the same: whatever tells of them is kept out of traces, and messages that hold
 * them are made equally long, so that a cut at some byte hits the same place.
 */
import { X509Certificate } from 'node:crypto';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { answerRenewals } from '../../gateway/enrol/renewal-answers.ts';
import type { Answer } from '../../gateway/questions.ts';
import { openTrust, type Trust } from '../../gateway/trust/authority.ts';
import type { SiteNotice } from '../../shared/entry.ts';
import type { Chance, Clock, Log } from '../../shared/ports.ts';
import { worldStartMs } from './machine.ts';
import type { Timeline } from './timeline.ts';

const silent: Log = { debug() {}, info() {}, warn() {}, error() {} };
const still: Clock = { nowMs: () => worldStartMs, monotonicMs: () => 0, after: () => ({ [Symbol.dispose]() {} }) };
const options = {
  site: 'Nhà máy A',
  clock: still,
  log: silent,
  machine: () => ({ hostname: 'gateway', addresses: [] }),
};

/** Longer than any question or answer about certificates, in bytes. */
const questionBytes = 1_536;
const answerBytes = 3_072;

/** The kiosks that a world may have. */
export const kioskIds = ['gate-a', 'gate-b', 'gate-c', 'gate-d'] as const;

let prepared: Promise<string> | null = null;

/** A trust folder with every kiosk enrolled; made once, as making keys takes long, and copied for each world. */
function prepare(): Promise<string> {
  prepared ??= (async () => {
    const dir = mkdtempSync(join(tmpdir(), 'ravao-sim-trust-'));
    process.once('exit', () => rmSync(dir, { recursive: true, force: true }));
    const trust = await openTrust(join(dir, 'trust'), options);
    for (const id of kioskIds) await trust.enrol(id, join(dir, 'credentials', id));
    return dir;
  })();
  return prepared;
}

/** Puts a whole site's trust into a world's folder. */
export async function bringTrust(worldDir: string): Promise<Trust> {
  const dir = await prepare();
  for (const name of ['trust', 'credentials']) cpSync(join(dir, name), join(worldDir, name), { recursive: true });
  return openTrust(join(worldDir, 'trust'), options);
}

/** The number of a certificate, by which it is revoked. */
export function serialOf(certPem: string): string {
  return new X509Certificate(certPem).serialNumber.toLowerCase();
}

export class SiteTrust {
  readonly #trust: Trust;
  readonly #timeline: Timeline;
  readonly #dir: string;
  readonly #revoked = new Set<string>();
  #generation = 0;

  constructor(trust: Trust, worldDir: string, timeline: Timeline) {
    this.#trust = trust;
    this.#dir = worldDir;
    this.#timeline = timeline;
  }

  /** Which credentials kiosks are to have now: what the site announces. */
  get credentials(): string {
    const { credentials = '' } = this.#trust.notice;
    return this.#generation === 0 ? credentials : `generation-${this.#generation}`.padEnd(credentials.length, '-');
  }

  /** The site's keys have changed: each kiosk must renew. */
  changeKeys(): void {
    this.#generation++;
  }

  /** Where a kiosk finds what it was enrolled with. */
  credentialsDir(kiosk: string): string {
    return join(this.#dir, 'credentials', kiosk);
  }

  isRevoked(serial: string): boolean {
    return this.#revoked.has(serial);
  }

  /** Cuts off every certificate of a kiosk, as the command does. */
  async revoke(kiosk: string): Promise<void> {
    await this.#timeline.outside(this.#trust.revoke(kiosk));
    for (const { serial } of await this.#timeline.outside(this.#trust.revoked())) this.#revoked.add(serial);
  }

  /** Enrols a kiosk anew into its folder. */
  async enrol(kiosk: string, folder: string): Promise<void> {
    await this.#timeline.outside(this.#trust.enrol(kiosk, folder, { force: true }));
  }

  /** The gateway's answer to who asks for a new certificate. */
  answer(parts: { readonly clock: Clock; readonly chance: Chance }): Answer {
    const grant = (certPem: string) => {
      const { caPem, notice, ...keys } = this.#trust.grant(certPem);
      return { caPem, notice: { ...notice, credentials: this.credentials }, ...keys };
    };
    const notice = (): SiteNotice => ({ ...this.#trust.notice, credentials: this.credentials });
    const audit = { record: async () => ({ seq: 0, hash: '' }) };
    const answer = answerRenewals({ ...parts, trust: this.#trust, grant, notice, audit, log: silent });
    return async (kiosk, payload) => {
      const answered = await this.#timeline.outside(answer(kiosk, payload));
      return answered && pad(answered, answerBytes);
    };
  }
}

/** A question as long as every other. */
export function padQuestion(payload: Uint8Array): Uint8Array {
  return pad(payload, questionBytes);
}

/** JSON may end in spaces. */
function pad(payload: Uint8Array, bytes: number): Uint8Array {
  if (payload.byteLength > bytes) throw new Error(`${payload.byteLength} bytes do not fit into ${bytes}`);
  return Buffer.concat([payload, Buffer.alloc(bytes - payload.byteLength, ' ')]);
}
