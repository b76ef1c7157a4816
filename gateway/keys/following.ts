/** How a serving gateway goes along when keys are changed by a command beside it. */
import { stat } from 'node:fs/promises';
import type { SiteNotice } from '../../shared/entry.ts';
import { describeError } from '../../shared/fault.ts';
import type { Clock, Log } from '../../shared/ports.ts';
import { sleep } from '../../shared/time.ts';
import { openAudit } from '../audit/audit.ts';
import { Invitations } from '../enrol/invitations.ts';
import type { GatewayCredentials, Trust } from '../trust/authority.ts';
import { isErrno } from '../trust/durable-file.ts';
import { newest } from '../trust/grant.ts';
import { keyLedgerPath } from '../trust/key-ledger.ts';
import { serveNewestAuthority } from '../trust/rotation.ts';
import { findLaggards } from './laggards.ts';
import { readKioskRecords } from './site-records.ts';

/** How often the ledger of keys is looked at, in milliseconds: one system call. */
export const lookEveryMs = 1_000;

/** How often it is asked whether all kiosks have moved to a new authority, in milliseconds. */
export const askEveryMs = 30_000;

/** A kiosk that goes to and fro between two certificates is written down this often, in milliseconds. */
const noteEveryMs = 60_000;

export interface KeyFollowingOptions {
  readonly trust: Trust;
  readonly trustDir: string;
  readonly dataDir: string;
  readonly site: string;
  /** Where the gateway listens (`RAVAO_MQTT_HOST`). */
  readonly host: string;
  /** Called after each change, with what to show and to tell from now on. */
  readonly onChanged: (credentials: GatewayCredentials, notice: SiteNotice) => void;
  readonly clock: Clock;
  readonly log: Log;
}

export interface KeyFollowing extends AsyncDisposable {
  /** A kiosk came, with the certificate of that serial number. */
  noteUse(kiosk: string, serial: string): void;
}

/** Follows until disposed. What cannot be read is logged and tried again; the keys of before hold meanwhile. */
export async function followKeys(options: KeyFollowingOptions): Promise<KeyFollowing> {
  const follower = new KeyFollower(options);
  await follower.begin();
  return follower;
}

class KeyFollower implements KeyFollowing {
  readonly #options: KeyFollowingOptions;
  readonly #invitations: Invitations;
  readonly #stop = new AbortController();
  /** The last certificate of each kiosk, and when one was written down. */
  readonly #noted = new Map<string, { readonly serial: string; readonly atMs: number }>();
  /** What came too soon after another of the same kiosk, to be written down later. */
  readonly #due = new Map<string, string>();
  #noting: Promise<void> = Promise.resolve();
  #running: Promise<void> = Promise.resolve();
  #before = '';
  #askedMs = Number.NEGATIVE_INFINITY;

  constructor(options: KeyFollowingOptions) {
    this.#options = options;
    this.#invitations = new Invitations(options.trustDir, options.clock);
  }

  async begin(): Promise<void> {
    const { trust, trustDir } = this.#options;
    for (const { kiosk, serial } of await trust.used()) {
      this.#noted.set(kiosk, { serial, atMs: Number.NEGATIVE_INFINITY });
    }
    this.#before = await markOf(keyLedgerPath(trustDir));
    // What was changed between the opening of the trust folder and now.
    await trust.refresh();
    this.#running = this.#run();
  }

  noteUse(kiosk: string, certificate: string): void {
    const { trust, clock, log } = this.#options;
    const serial = certificate.toLowerCase();
    const before = this.#noted.get(kiosk);
    const atMs = clock.monotonicMs();
    this.#due.delete(kiosk);
    if (before?.serial === serial) return;
    if (before !== undefined && atMs - before.atMs < noteEveryMs) return void this.#due.set(kiosk, serial);
    this.#noted.set(kiosk, { serial, atMs });
    // It may only have tried the new one: nothing is concluded from that before it had the time to come back with the old.
    this.#askedMs = atMs;
    this.#noting = this.#noting
      .then(() => trust.noteUse(kiosk, serial))
      .catch((error: unknown) => {
        this.#noted.delete(kiosk);
        log.error('keys.use-unwritten', { kiosk, error: describeError(error) });
      });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#running;
    await this.#noting;
  }

  async #run(): Promise<void> {
    const { clock, log } = this.#options;
    let failed = false;
    while (!this.#stop.signal.aborted) {
      await sleep(clock, lookEveryMs, this.#stop.signal);
      try {
        if (!this.#stop.signal.aborted) await this.#look();
        failed = false;
      } catch (error) {
        if (!failed) log.error('keys.unread', { error: describeError(error) });
        failed = true;
      }
    }
  }

  async #look(): Promise<void> {
    const { trust, trustDir, host, onChanged, clock, log } = this.#options;
    const now = await markOf(keyLedgerPath(trustDir));
    if (now !== this.#before) {
      await trust.refresh();
      onChanged(await trust.gatewayCredentials(host), trust.notice);
      this.#before = now;
      const { authorities, sealingKeys, subjectKeys, serving } = trust.contents;
      const ids = { site: newest(sealingKeys).id, subject: newest(subjectKeys).id, authority: newest(authorities).id };
      log.info('keys.changed', { ...ids, shown: serving.id });
    }
    for (const [kiosk, serial] of [...this.#due]) this.noteUse(kiosk, serial);
    if (clock.monotonicMs() - this.#askedMs < askEveryMs) return;
    this.#askedMs = clock.monotonicMs();
    await this.#moveOn();
  }

  /** Shows the newest authority once nobody needs the one before it any more: then no kiosk and no invitation is cut off. */
  async #moveOn(): Promise<void> {
    const { trust, trustDir, dataDir, site, clock } = this.#options;
    const { serving, authorities } = trust.contents;
    const next = newest(authorities);
    if (serving.id === next.id) return;
    await this.#noting;
    if (this.#due.size > 0) return;
    if (findLaggards(trust.contents, await readKioskRecords(trust, dataDir)).authority.length > 0) return;
    if ((await this.#invitations.list()).some(({ state }) => state === 'open')) return;
    const what = { kind: 'authority', generation: next.number, by: 'gateway' };
    await openAudit(dataDir, { clock }).record({ action: 'key.finish', what });
    await serveNewestAuthority({ folder: trustDir, site, clock });
  }
}

/** Changes when the file does. */
async function markOf(path: string): Promise<string> {
  try {
    const { size, mtimeMs, ino } = await stat(path);
    return `${ino} ${size} ${mtimeMs}`;
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return '';
    throw error;
  }
}
