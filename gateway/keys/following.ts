/** How a serving gateway goes along when keys are changed by a command beside it. */
import type { SiteNotice } from '../../shared/entry.ts';
import { describeError } from '../../shared/fault.ts';
import type { Clock, Log } from '../../shared/ports.ts';
import { openAudit } from '../audit/audit.ts';
import { Invitations } from '../enrol/invitations.ts';
import { keepLooking, markOf } from '../looking.ts';
import type { GatewayCredentials, Trust } from '../trust/authority.ts';
import { newest } from '../trust/grant.ts';
import { keyLedgerPath } from '../trust/key-ledger.ts';
import { serveNewestAuthority } from '../trust/rotation.ts';
import type { CertificateUses } from './certificate-uses.ts';
import { findLaggards } from './laggards.ts';
import { readKioskRecords } from './site-records.ts';

/** How often the ledger of keys is looked at, in milliseconds: one system call. */
export const lookEveryMs = 1_000;

/** How often it is asked whether all kiosks have moved to a new authority, in milliseconds. */
export const askEveryMs = 30_000;

/**
 * The newest authority is shown by itself only so long after the last kiosk went over to it, in milliseconds: one that lost
 * its power between trying a new certificate and keeping it has come back with the old one by then.
 */
export const quietMs = 10 * 60_000;

export interface KeyFollowingOptions {
  readonly trust: Trust;
  readonly trustDir: string;
  readonly dataDir: string;
  readonly site: string;
  /** Where the gateway listens (`RAVAO_MQTT_HOST`). */
  readonly host: string;
  readonly uses: CertificateUses;
  /** Called after each change, with what to show and to tell from now on. */
  readonly onChanged: (credentials: GatewayCredentials, notice: SiteNotice) => void;
  readonly clock: Clock;
  readonly log: Log;
}

/** Follows until disposed. What cannot be read is logged and tried again; the keys of before hold meanwhile. */
export async function followKeys(options: KeyFollowingOptions): Promise<AsyncDisposable> {
  const follower = new KeyFollower(options);
  await follower.begin();
  const { clock, log } = options;
  return keepLooking(() => follower.look(), {
    everyMs: lookEveryMs,
    first: 'later',
    clock,
    onFailure(error, isFirst) {
      if (isFirst) log.error('keys.unread', { error: describeError(error) });
    },
  });
}

class KeyFollower {
  readonly #options: KeyFollowingOptions;
  readonly #invitations: Invitations;
  #before = '';
  #askedMs = Number.NEGATIVE_INFINITY;

  constructor(options: KeyFollowingOptions) {
    this.#options = options;
    this.#invitations = new Invitations(options.trustDir, options.clock);
  }

  async begin(): Promise<void> {
    const { trust, trustDir } = this.#options;
    this.#before = await markOf(keyLedgerPath(trustDir));
    // What was changed between the opening of the trust folder and now.
    await trust.refresh();
  }

  async look(): Promise<void> {
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
    if (clock.monotonicMs() - this.#askedMs < askEveryMs) return;
    this.#askedMs = clock.monotonicMs();
    await this.#moveOn();
  }

  /** Shows the newest authority once nobody needs the one before it any more: then no kiosk and no invitation is cut off. */
  async #moveOn(): Promise<void> {
    const { trust, trustDir, dataDir, site, uses, clock } = this.#options;
    const { serving, authorities } = trust.contents;
    const next = newest(authorities);
    if (serving.id === next.id) return;
    if (!(await uses.isSettled(quietMs))) return;
    if (findLaggards(trust.contents, await readKioskRecords(trust, dataDir)).authority.length > 0) return;
    if ((await this.#invitations.list()).some(({ state }) => state === 'open')) return;
    const what = { kind: 'authority', generation: next.number, by: 'gateway' };
    await openAudit(dataDir, { clock }).record({ action: 'key.finish', what });
    await serveNewestAuthority({ folder: trustDir, site, clock });
  }
}
