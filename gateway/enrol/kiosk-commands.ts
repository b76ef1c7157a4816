/** `kiosks` and `revoke`: which kiosks there are, and cutting one off. */
import { join } from 'node:path';
import { Fault } from '../../shared/fault.ts';
import type { Clock, Log } from '../../shared/ports.ts';
import { endsSoonMs } from '../../shared/renewal.ts';
import { vietnamDayOf } from '../../shared/time.ts';
import { openAudit } from '../audit/audit.ts';
import { counted } from '../counted.ts';
import { showMoment } from '../moment.ts';
import { type HeldVersions, readHeldVersions } from '../site-rules/rules-versions.ts';
import { openTrust, type Trust } from '../trust/authority.ts';
import { toDiskFault } from '../trust/trust-files.ts';
import { cloneRemedy, currentClones } from './clones.ts';
import { findClosings } from './gate-closings.ts';
import { findGateNames } from './gate-names.ts';
import { type GateState, readGateStates } from './gate-states.ts';
import { Invitations } from './invitations.ts';
import { readLastSeen } from './last-seen.ts';
import { readPresence } from './presence.ts';
import { dropReset, orderReset, readResets } from './resets.ts';

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
  /** What its gate is called, by its last invitation; null: it was enrolled without one. */
  readonly gateName: string | null;
  /** `enrolled`: its newest certificate is good; `revoked`; or `invited` and not yet here. */
  readonly state: 'enrolled' | 'revoked' | 'invited';
  readonly enrolledAt: string | null;
  /** When its certificate, or its invitation, ends. */
  readonly until: string;
  readonly lastSeen: string | null;
  /** Whether it is connected now, or was some seconds ago. */
  readonly connected: boolean;
  /** Its certificate ends within `endsSoonMs`, and has not been renewed. */
  readonly endsSoon: boolean;
  /** Since when two machines use its identity; null where that was not noticed. */
  readonly clonedSince: string | null;
  /** When it was ordered to forget the site; null where that is not so, or done. */
  readonly resetOrderedAt: string | null;
  /** Whether the rules that it last said it holds are those that the gateway tells; null: it never said. */
  readonly rules: 'current' | 'older' | 'none' | null;
  /** Whether guards have closed its gate, as it said last; null: it never said, or is no kiosk of the site any more. */
  readonly gate: GateState | null;
  /** Since when it is closed, by the kiosk's clock; null: it is not, or that is not known. */
  readonly closedSince: string | null;
}

const nothingSeen = {
  ...{ lastSeen: null, connected: false, rules: null, endsSoon: false, clonedSince: null, resetOrderedAt: null },
  ...{ gate: null, gateName: null, closedSince: null },
};

async function open({ dataDir, site }: KioskCommandConfig, { clock, log }: Parts) {
  const folder = join(dataDir, 'trust');
  return { trust: await openTrust(folder, { site, clock, log }), invitations: new Invitations(folder, clock) };
}

/** Every kiosk that was ever enrolled or is invited, by name. Throws the Faults of the trust folder, and AUDIT_READ_FAILED. */
export async function listKiosks(config: KioskCommandConfig, parts: Parts): Promise<readonly ListedKiosk[]> {
  const { trust, invitations } = await open(config, parts);
  const lastSeen = await readLastSeen(config.dataDir);
  const here = await readPresence(config.dataDir);
  const clones = await currentClones(config.dataDir);
  const resets = await readResets(config.dataDir);
  const versions = await readHeldVersions(config.dataDir);
  const gates = await readGateStates(config.dataDir);
  const revoked = new Set((await trust.revoked()).map(({ serial }) => serial));
  const listed = new Map<string, ListedKiosk>();
  for (const { kiosk, state, expiresAt } of await invitations.list()) {
    if (state !== 'open') continue;
    listed.set(kiosk, { kiosk, state: 'invited', enrolledAt: null, until: expiresAt, ...nothingSeen });
  }
  for (const { kiosk, serial, at, notAfter } of await trust.enrolled()) {
    const state = revoked.has(serial) ? 'revoked' : 'enrolled';
    const seen = lastSeen.get(kiosk) ?? null;
    const endsSoon = state === 'enrolled' && Date.parse(notAfter) - parts.clock.nowMs() <= endsSoonMs;
    const clonedSince = clones.get(kiosk)?.since ?? null;
    const resetOrderedAt = resets.get(kiosk)?.at ?? null;
    const rules = rulesOf(versions, kiosk);
    const alarms = { endsSoon, clonedSince, resetOrderedAt };
    const gate = state === 'enrolled' ? (gates.get(kiosk) ?? null) : null;
    const connected = state === 'enrolled' && here.has(kiosk);
    const said = { lastSeen: seen, connected, rules, gate, gateName: null, closedSince: null };
    listed.set(kiosk, { kiosk, state, enrolledAt: at, until: notAfter, ...said, ...alarms });
  }
  const closed = [...listed.values()].filter(({ gate }) => gate === 'closed').map(({ kiosk }) => kiosk);
  const closings = findClosings(config.dataDir, new Set(closed));
  const names = findGateNames(config.dataDir);
  return [...listed.values()]
    .map((one) => ({
      ...one,
      gateName: names.get(one.kiosk) ?? null,
      closedSince: closings.get(one.kiosk) ?? null,
    }))
    .sort((a, b) => (a.kiosk < b.kiosk ? -1 : 1));
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
    const { kiosk, gateName, state, until, lastSeen, connected, rules } = listed;
    if (format === 'json') yield `${JSON.stringify(listed)}\n`;
    else {
      const held = rules === null ? '' : `, rules ${rules}`;
      const seen = connected ? 'connected now' : `last seen ${lastSeen === null ? 'never' : showMoment(lastSeen)}`;
      const end = state === 'invited' ? showMoment(until) : vietnamDayOf(Date.parse(until));
      yield `${kiosk}${gateName === null ? '' : ` (${gateName})`}: ${state}, until ${end}, ${seen}${held}${describeGate(listed)}\n${alarms(listed)}`;
    }
  }
}

function describeGate({ gate, closedSince }: ListedKiosk): string {
  if (gate !== 'closed') return gate === null ? '' : ', gate open';
  return closedSince === null
    ? ', GATE CLOSED by a guard, since when is not known'
    : `, GATE CLOSED by a guard since ${showMoment(closedSince)}`;
}

function alarms({ kiosk, endsSoon, clonedSince, resetOrderedAt }: ListedKiosk): string {
  const lines = [
    ...(endsSoon
      ? ['ITS CERTIFICATE ENDS SOON. It renews by itself while it is connected: see its log, and yours.']
      : []),
    ...(clonedSince === null ? [] : [`TWO MACHINES USE IT, since ${showMoment(clonedSince)}. ${cloneRemedy(kiosk)}`]),
    ...(resetOrderedAt === null
      ? []
      : [`It was told at ${showMoment(resetOrderedAt)} to forget this site, and has not said so yet.`]),
  ];
  return lines.map((line) => `  ${line}\n`).join('');
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
  await dropReset(config.dataDir, kiosk);
  if (count === 0 && invited === 0 && !(await isKnown(trust, kiosk))) throw new Fault('KIOSK_UNKNOWN', kiosk);
  return `${kiosk} is cut off: ${counted(count, 'certificate')} revoked, ${counted(invited, 'invitation')} withdrawn.\n`;
}

/**
 * Orders a kiosk to send everything and to forget this site, or takes that back. Returns what was done, in words. Throws the
 * Faults KIOSK_UNKNOWN, KIOSK_NOT_ENROLLED, where it has no certificate that is good, and DATA_DIR_UNUSABLE.
 */
export async function resetKiosk(
  kiosk: string,
  cancel: boolean,
  config: KioskCommandConfig,
  parts: Parts,
): Promise<string> {
  const listed = (await listKiosks(config, parts)).find((one) => one.kiosk === kiosk);
  if (listed === undefined) throw new Fault('KIOSK_UNKNOWN', kiosk);
  if (listed.state !== 'enrolled') throw new Fault('KIOSK_NOT_ENROLLED', `${kiosk}: ${listed.state}`);
  const action = cancel ? 'kiosk.reset-cancelled' : 'kiosk.reset-ordered';
  await openAudit(config.dataDir, { clock: parts.clock }).record({ action, what: { kiosk } });
  const work = cancel ? dropReset(config.dataDir, kiosk) : orderReset(config.dataDir, kiosk, parts.clock);
  await work.catch((error: unknown) => Promise.reject(toDiskFault(config.dataDir, error)));
  if (cancel) {
    return `${kiosk} is not to be reset any more, unless it has begun to leave: see "kiosks".\n`;
  }
  return `${kiosk} is told to send everything, to forget this site, and to wait for an invitation; see "kiosks".\n`;
}

async function isKnown(trust: Trust, kiosk: string): Promise<boolean> {
  return (await trust.enrolled()).some((enrolled) => enrolled.kiosk === kiosk);
}
