/** `kiosks` and `revoke`: which kiosks there are, and cutting one off. */
import { join } from 'node:path';
import { Fault } from '../../shared/fault.ts';
import type { Clock, Log } from '../../shared/ports.ts';
import { openAudit } from '../audit/audit.ts';
import { type HeldVersions, readHeldVersions } from '../site-rules/rules-versions.ts';
import { openTrust, type Trust } from '../trust/authority.ts';
import { Invitations } from './invitations.ts';
import { readLastSeen } from './last-seen.ts';

export interface KioskCommandConfig {
  readonly dataDir: string;
  readonly site: string;
}

interface Parts {
  readonly clock: Clock;
  readonly log: Log;
}

/** One kiosk as `kiosks` prints it. */
export interface ListedKiosk {
  readonly kiosk: string;
  /** `enrolled`: its newest certificate is good; `revoked`; or `invited` and not yet here. */
  readonly state: 'enrolled' | 'revoked' | 'invited';
  readonly enrolledAt: string | null;
  /** When its certificate, or its invitation, ends. */
  readonly until: string | null;
  readonly lastSeen: string | null;
  /** Whether the rules that it last said it holds are those that the gateway tells; null: it never said. */
  readonly rules: 'current' | 'older' | 'none' | null;
}

async function open({ dataDir, site }: KioskCommandConfig, { clock, log }: Parts) {
  const folder = join(dataDir, 'trust');
  return { trust: await openTrust(folder, { site, clock, log }), invitations: new Invitations(folder, clock) };
}

/** Every kiosk that was ever enrolled or is invited, by name. Throws the Faults of the trust folder. */
export async function listKiosks(config: KioskCommandConfig, parts: Parts): Promise<readonly ListedKiosk[]> {
  const { trust, invitations } = await open(config, parts);
  const lastSeen = await readLastSeen(config.dataDir);
  const versions = await readHeldVersions(config.dataDir);
  const revoked = new Set((await trust.revoked()).map(({ serial }) => serial));
  const listed = new Map<string, ListedKiosk>();
  for (const { kiosk, state, expiresAt } of await invitations.list()) {
    if (state !== 'open') continue;
    listed.set(kiosk, { kiosk, state: 'invited', enrolledAt: null, until: expiresAt, lastSeen: null, rules: null });
  }
  for (const { kiosk, serial, at, notAfter } of await trust.enrolled()) {
    const state = revoked.has(serial) ? 'revoked' : 'enrolled';
    const rules = rulesOf(versions, kiosk);
    listed.set(kiosk, { kiosk, state, enrolledAt: at, until: notAfter, lastSeen: lastSeen.get(kiosk) ?? null, rules });
  }
  return [...listed.values()].sort((a, b) => (a.kiosk < b.kiosk ? -1 : 1));
}

function rulesOf({ told, kiosks }: HeldVersions, kiosk: string): ListedKiosk['rules'] {
  const held = kiosks.get(kiosk);
  if (held === undefined) return null;
  return held === null ? 'none' : held === told ? 'current' : 'older';
}

/** The list as lines for a person, or as JSON, one object a line. */
export function* describeKiosks(kiosks: readonly ListedKiosk[], format: 'text' | 'json'): Generator<string> {
  if (kiosks.length === 0 && format === 'text') yield 'No kiosk is enrolled yet: see "invite --help".\n';
  for (const listed of kiosks) {
    const { kiosk, state, until, lastSeen, rules } = listed;
    if (format === 'json') yield `${JSON.stringify(listed)}\n`;
    else
      yield `${kiosk}: ${state}, until ${until?.slice(0, 10)}, last seen ${lastSeen ?? 'never'}${rules === null ? '' : `, rules ${rules}`}\n`;
  }
}

/**
 * Cuts a kiosk off for good: all certificates that it has, and its open invitations. It may be invited again as a new one.
 * Returns what was done, in words. Throws the Faults KIOSK_UNKNOWN and DATA_DIR_UNUSABLE.
 */
export async function revokeKiosk(kiosk: string, config: KioskCommandConfig, parts: Parts): Promise<string> {
  const { trust, invitations } = await open(config, parts);
  await openAudit(config.dataDir, { clock: parts.clock }).record({ action: 'kiosk.revoked', what: { kiosk } });
  const count = await trust.revoke(kiosk);
  const invited = (await invitations.list()).filter((one) => one.kiosk === kiosk && one.state === 'open').length;
  await invitations.withdraw(kiosk);
  if (count === 0 && invited === 0 && !(await isKnown(trust, kiosk))) throw new Fault('KIOSK_UNKNOWN', kiosk);
  return `${kiosk} is cut off: ${count} certificates revoked, ${invited} invitations withdrawn.\n`;
}

async function isKnown(trust: Trust, kiosk: string): Promise<boolean> {
  return (await trust.enrolled()).some((enrolled) => enrolled.kiosk === kiosk);
}
