/** What a person says is wrong: kept beside the entries, which stay as they were forwarded, and put right in the register. */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { createSealer, type Identity, importSiteKey } from '../../shared/identity.ts';
import type { Clock } from '../../shared/ports.ts';
import { sleep } from '../../shared/time.ts';
import { bindingOf } from '../cards/issue.ts';
import { checkFields, columns, type Fields, type Holder, personDigest } from '../cards/person.ts';
import { openRegister } from '../cards/register.ts';
import { registerPath } from '../cards/register-file.ts';
import { correctionBinding } from '../officer/corrections.ts';
import { scrub } from '../store/scrubbing.ts';
import { openSqliteReader } from '../store/sqlite.ts';
import { openSqliteRemover } from '../store/sqlite-remover.ts';
import { createTracing } from '../tracing/store-tracing.ts';
import { newest } from '../trust/grant.ts';
import { hasIssuer, openIssuer } from '../trust/issuer.ts';
import { readTrustFolder } from '../trust/trust-files.ts';
import { takeRetentionTurn } from './purging.ts';
import { findCards, type SubjectPerson } from './subject-person.ts';

/** A note is cut off at nothing: a longer one is refused, in characters. */
export const noteCharsMax = 1000;

/** What is right, as the person says. */
export interface CorrectData {
  readonly holder: Partial<Holder>;
  readonly note: string | null;
}

/** What can be said of a correction, line by line. */
export const correctionFields = ['name', 'birth_year', 'number', 'phone', 'address', 'note'] as const;
export type CorrectionField = (typeof correctionFields)[number];

/** What was given as correct, or what is wrong with it. */
export function readCorrectData(
  given: Readonly<Partial<Record<CorrectionField, string>>>,
  thisYear: number,
): CorrectData | { readonly wrong: string } {
  const { note = null, ...fields } = given;
  if (Object.values(given).every((value) => value === '')) return { wrong: 'There is nothing to correct.' };
  if ((note ?? '').length > noteCharsMax) return { wrong: `note has more than ${noteCharsMax} characters.` };
  // A name is needed for a card only.
  const empty = Object.fromEntries(columns.map((column) => [column, ''])) as Record<keyof Fields, string>;
  const checked = checkFields({ ...empty, ...fields, name: fields.name || 'x' }, thisYear);
  if ('wrong' in checked) return { wrong: `${checked.wrong}.` };
  const { name, ...holder } = checked.holder;
  return { holder: fields.name ? { name, ...holder } : holder, note };
}

/** Keeps it, and says whose cards anew where a name is given. What became of it. Throws Faults. */
export async function correctPerson(
  place: { readonly dataDir: string; readonly site: string },
  person: SubjectPerson,
  { holder, note }: CorrectData,
  { clock }: { readonly clock: Clock },
): Promise<{ readonly corrections: number; readonly cards: number }> {
  const { dataDir, site } = place;
  using _ = takeRetentionTurn(dataDir);
  const folder = join(dataDir, 'trust');
  const { notice } = newest((await readTrustFolder(folder)).sealingKeys);
  const sealer = createSealer(await importSiteKey(Buffer.from(notice.key.publicKey, 'base64url')));
  const passing = await subjectsThatPassed(dataDir, person.subjects);
  {
    await using remover = await openSqliteRemover({ dir: dataDir, clock });
    for (const subject of passing) {
      const id = randomUUID();
      const identity: Identity & { note?: string } = { ...holder, ...(note === null ? {} : { note }) };
      const sealed = await sealer.seal(identity, correctionBinding(id));
      await remover.addCorrection({ id, subject, atMs: clock.nowMs(), sealed });
    }
  }
  const { name } = holder;
  if (name === undefined || person.cards.length === 0 || !hasIssuer(folder))
    return { corrections: passing.length, cards: 0 };
  const { personKey } = await openIssuer(folder, site);
  const whole: Holder = { ...holder, name };
  let cards = 0;
  {
    using register = openRegister(dataDir);
    for (const card of findCards(register, person.cards)) {
      register.reassign(card, personDigest(personKey, whole), await sealer.seal(whole, bindingOf(card.id)));
      cards++;
    }
  }
  await scrub(registerPath(dataDir), () => sleep(clock, 1));
  openRegister(dataDir)[Symbol.dispose]();
  return { corrections: passing.length, cards };
}

async function subjectsThatPassed(dataDir: string, subjects: readonly string[]): Promise<readonly string[]> {
  await using store = await openSqliteReader({ dir: dataDir });
  const found = new Set<string>();
  for await (const { subject } of createTracing(store).visitsOf(subjects, null))
    if (subject !== null) found.add(subject);
  return [...found];
}
