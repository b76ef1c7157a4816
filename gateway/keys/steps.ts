/** The steps of changing a key, as the command takes them: recorded before and after, and harmless when taken twice. */
import { join } from 'node:path';
import { exitCode } from '../../shared/system/program.ts';
import { openRegister, openRegisterReader } from '../cards/register.ts';
import { Invitations } from '../enrol/invitations.ts';
import { showMoment } from '../moment.ts';
import type { Trust } from '../trust/authority.ts';
import { newest } from '../trust/grant.ts';
import { hasIssuer, readIssuers } from '../trust/issuer.ts';
import { generationsMax, type KeyKind, newestOf, readKeyHistory } from '../trust/key-ledger.ts';
import { makeGeneration, type RotationOptions, retireOlder, serveNewestAuthority } from '../trust/rotation.ts';
import { trustFiles } from '../trust/trust-files.ts';
import type { KeysContext } from './command.ts';
import { countEndedCards, describeEndedCards } from './ended-cards.ts';
import { namesOf } from './key-state.ts';
import { findLaggards } from './laggards.ts';
import { readKioskRecords } from './site-records.ts';

/** Makes the next key of a kind, unless the last change is still under way. */
export async function rotate(kind: KeyKind, trust: Trust, context: KeysContext): Promise<number> {
  const { folder, audit, why, print, warn, isForced } = context;
  const history = readKeyHistory(folder);
  const { number, at } = newestOf(history, kind);
  const isUnfinished = history.unfinished[kind] !== undefined;
  const problem = whyNever(kind, number, trust, context);
  if (problem !== null) {
    warn(`${problem}\n`);
    return exitCode.failed;
  }
  const waiting = isUnfinished || number === 1 ? null : await whyWait(kind, trust, context);
  if (waiting !== null && !isForced) {
    await print([
      `Nothing was done: number ${number} was made${at === null ? '' : ` at ${showMoment(at)}`}, and ${waiting}. For a further one: --again.\n`,
    ]);
    return exitCode.ok;
  }
  await audit.record({ action: 'key.rotate', what: { kind, generation: number + 1 }, why });
  const made = kind === 'issuer' ? await makeIssuerKey(context) : await makeGeneration(kind, optionsOf(context));
  await audit.record({ action: 'key.rotated', what: { kind, generation: made.number }, why });
  await print([
    `The ${kind} key has number ${made.number} now.\n`,
    `${next[kind](join(made.folder, trustFiles.siteKey))}\n`,
  ]);
  return exitCode.ok;
}

/** What there is to do after each. @param siteKey where the private half of a new sealing key lies. */
const next: Readonly<Record<KeyKind, (siteKey: string) => string>> = {
  site: (siteKey) =>
    `Kiosks go over to it within a minute of hearing of it: see "keys". Its private half lies in clear in ${siteKey}: run ` +
    '"site-key protect", or take it where you keep the one before. Keep that one too: it opens what was sealed to it.',
  subject: () => 'Kiosks go over to it within a minute of hearing of it: see "keys". Whoever is barred stays so.',
  authority: () =>
    'Kiosks get certificates by it within a minute of hearing of it: see "keys". When all have one, the gateway shows the new ' +
    'authority by itself; then run "keys retire authority".',
  issuer: () =>
    'New cards are signed with it. Cards that were printed stay valid, and can be revoked as before, until "keys retire issuer" ends them.',
};

function optionsOf({ folder, config, clock }: KeysContext): RotationOptions {
  return { folder, site: config.site, clock };
}

function whyNever(kind: KeyKind, number: number, { contents }: Trust, { folder }: KeysContext): string | null {
  if (number >= generationsMax) return `There are ${number} generations of the ${kind} key, and no more can be.`;
  if (kind === 'issuer' && !hasIssuer(folder)) return 'No card was ever issued: the key is made at the first.';
  if (kind !== 'authority' || contents.authorities.length === 1) return null;
  return 'Two authorities are believed already: end the change with "keys finish authority" and "keys retire authority" first.';
}

/** What the last change still waits for, or null. */
async function whyWait(kind: KeyKind, trust: Trust, context: KeysContext): Promise<string | null> {
  if (kind === 'issuer') return whyIssuerWaits(context);
  const laggards = findLaggards(trust.contents, await readKioskRecords(trust, context.config.dataDir))[kind];
  return laggards.length === 0 ? null : `${namesOf(laggards)} did not come to have it yet`;
}

function whyIssuerWaits({ folder, config }: KeysContext): string | null {
  const id = readIssuers(folder)[0]?.id;
  using register = openRegisterReader(config.dataDir);
  return register?.last()?.issuer === id ? null : 'no card was signed with it yet';
}

/** While nobody issues cards: what one key has signed lies in one piece in the register. */
async function makeIssuerKey(context: KeysContext) {
  using _ = openRegister(context.config.dataDir);
  return await makeGeneration('issuer', optionsOf(context));
}

/** Lets the gateway show its newest authority, whoever lags behind. */
export async function finish(trust: Trust, context: KeysContext): Promise<number> {
  const { folder, audit, why, clock, print, warn } = context;
  const { serving, authorities } = trust.contents;
  const { number } = newest(authorities);
  if (serving.number === number) {
    await print([`Nothing was done: the gateway shows authority ${number}, the newest.\n`]);
    return exitCode.ok;
  }
  await audit.record({ action: 'key.finish', what: { kind: 'authority', generation: number, by: 'command' }, why });
  await serveNewestAuthority(optionsOf(context));
  const { authority } = findLaggards(trust.contents, await readKioskRecords(trust, context.config.dataDir));
  const open = (await new Invitations(folder, clock).list()).filter(({ state }) => state === 'open');
  if (authority.length > 0)
    warn(`${namesOf(authority)} cannot know the gateway any more: enrol anew each of them, by "reset" and "invite".\n`);
  if (open.length > 0)
    warn(`Invitations for ${open.map(({ kiosk }) => kiosk).join(', ')} are good no more: print new ones.\n`);
  await print([`The gateway shows authority ${number} within a second.\n`]);
  return exitCode.ok;
}

/** Lets nobody believe the authority or the issuer of before any more. */
export async function retire(kind: 'authority' | 'issuer', trust: Trust, context: KeysContext): Promise<number> {
  const { audit, why, print, warn, isForced } = context;
  const { serving, authorities } = trust.contents;
  if (kind === 'authority' && serving.number < newest(authorities).number) {
    warn('The gateway still shows the old authority: "keys finish authority" comes first.\n');
    return exitCode.failed;
  }
  if (readKeyHistory(context.folder).generations[kind].filter(({ isRetired }) => !isRetired).length === 1) {
    await print([`Nothing was done: there is one ${kind} only.\n`]);
    return exitCode.ok;
  }
  const records = await readKioskRecords(trust, context.config.dataDir);
  const laggards = kind === 'authority' ? findLaggards(trust.contents, records).authority : [];
  if (laggards.length > 0 && !isForced) {
    warn(
      `${namesOf(laggards)} would be cut off, for good: they have no certificate by the new one. To do it: --force.\n`,
    );
    return exitCode.failed;
  }
  const cards = kind === 'issuer' ? countEndedCards(context) : null;
  if (cards !== null && cards.people + cards.guards > 0 && !isForced) {
    warn(
      `${describeEndedCards(cards)} that are valid today would end, for good. Gates that are closed could not be opened by ` +
        `today's guards' cards: print new ones first, with "cards control". To do it: --force.\n`,
    );
    return exitCode.failed;
  }
  await audit.record({ action: 'key.retire', what: { kind, kiosks: laggards.length, ...cards }, why });
  // First what cuts off those that are connected, then the belief itself: whoever is cut off in between runs it again.
  if (kind === 'authority') await trust.revokeOlder();
  const ended = cards === null ? '' : ` With it ended ${describeEndedCards(cards)}.`;
  const count = await retireOlder(kind, optionsOf(context));
  await audit.record({ action: 'key.retired', what: { kind, generations: count }, why });
  await print([
    count === 0 ? `Nothing was done: there is one ${kind} only.\n` : `The old ${kind} is believed no more.${ended}\n`,
  ]);
  return exitCode.ok;
}
