/**
 * Whose passages are looked for: from what a person shows or says to the numbers that subjects are made of, as the kiosk
 * makes them (shared/README.md, "Numbers that make a subject").
 */
import { cardPrefix, importIssuerKey } from '../../shared/card.ts';
import { nineDigits, parseTenDigits } from '../../shared/card-number.ts';
import type { Code } from '../../shared/code/code.ts';
import { splitFields } from '../../shared/code/fields.ts';
import { nothingKnown } from '../../shared/code/known.ts';
import { readCode } from '../../shared/code/read-code.ts';
import { readDocumentNumber, readInsuranceNumber } from '../../shared/code/written-number.ts';
import type { IssuerNotice } from '../trust/issuer.ts';

/** Codes, numbers and card numbers of one person that may be given at once. */
export const textsMax = 20;

/**
 * The numbers in what was given, or, for whoever gave it, why there are none: in words, without a full stop, or as the name of
 * the reason with which a kiosk refuses such a code. `line` counts from 1.
 */
export type PersonNumbers = { readonly numbers: readonly string[] } | { readonly line: number; readonly wrong: string };

/**
 * Reads what was given of one person, a code or a number a line. A whole code gives every number in it; a number that was
 * typed is taken for each kind of number that it can be.
 * @param issuers whose printed cards are taken here.
 */
export function readPerson(texts: readonly string[], issuers: readonly IssuerNotice[]): PersonNumbers {
  const given = texts.map((text, index) => ({ text, line: index + 1 })).filter(({ text }) => text.trim() !== '');
  if (given.length === 0) return { line: 1, wrong: 'there is nothing' };
  if (given.length > textsMax)
    return { line: textsMax + 1, wrong: `more than ${textsMax} are too many for one person` };
  const numbers = new Set<string>();
  for (const { text, line } of given) {
    const found = readText(text, issuers);
    if (typeof found === 'string') return { line, wrong: found };
    for (const number of found) numbers.add(number);
  }
  return { numbers: [...numbers] };
}

/** What somebody who gave it is told: which line, and why. */
export function describeUnread({ line, wrong }: { readonly line: number; readonly wrong: string }): string {
  return `Line ${line} is no code and no number: ${wrong}.`;
}

function readText(text: string, issuers: readonly IssuerNotice[]): readonly string[] | string {
  const typed = readTyped(text, issuers);
  if (typed.length > 0) return typed;
  const code = readCode(text, {
    ...nothingKnown,
    cards: {
      issuers: new Map(
        issuers.map((one) => [one.id, { ...one, publicKey: importIssuerKey(Buffer.from(one.publicKey, 'base64url')) }]),
      ),
      // A card that was revoked or has expired since was taken before.
      isRevoked: () => false,
      issuerOfNumber: () => null,
      isNumberRevoked: () => false,
    },
  });
  // Not what a guard is told: nobody stands before a scanner here.
  if (code.type === 'unknown') return code.reason === 'unknown-code' ? 'nothing of that form is known' : code.reason;
  return [code.number, ...numbersBeside(code, text)];
}

/** What a number can be by its form alone; nothing where it is a whole code, or nothing known. */
function readTyped(text: string, issuers: readonly IssuerNotice[]): readonly string[] {
  const printed = text.trim();
  const prefixed = /^(?:bhxh|cmnd|doc|qid|hcmc|uvci):\S{1,80}$/.exec(printed)?.[0];
  if (prefixed !== undefined) return [prefixed];
  const number = printed.replace(/[ .-]/g, '').toUpperCase();
  if (!/^[A-Z0-9]{5,20}$/.test(number) || !/\d/.test(number)) return [];
  const kinds = [readDocumentNumber(number), readInsuranceNumber(number), `qid:${printed.replaceAll(' ', '')}`];
  const card = parseTenDigits(number);
  const cards = card === null ? [] : issuers.map(({ id }) => `${cardPrefix}${id}:${nineDigits(card)}`);
  return [...kinds.filter((kind) => kind !== null), ...cards];
}

/**
 * The numbers that a subject may have been made of where an identity has this number, as it is printed. Not all of them need
 * be right: hold their subjects against the one that is known.
 */
export function numbersLike(printed: string, issuers: readonly IssuerNotice[]): readonly string[] {
  return [...readTyped(printed, issuers), ...['qid', 'hcmc', 'uvci'].map((kind) => `${kind}:${printed}`)];
}

/** The other numbers in a code, under which the same person may have passed with another one. */
function numbersBeside(code: Code, text: string): readonly string[] {
  const fields = splitFields(text);
  if (code.kind === 'cccd') {
    const old = fields.at(1);
    return /^\d{9}$/.test(old) ? [`cmnd:${old}`] : [];
  }
  if (code.kind !== 'personal-qr') return [];
  const written = readDocumentNumber(fields.at(0).toUpperCase());
  const insurance = readInsuranceNumber(fields.at(5).split('<')[2]?.trim() ?? '');
  // A child's code bears a parent's number, which the kiosk passes over for that reason.
  const isOthers = written !== null && code.number !== written;
  const qid = /^[\w-]{1,64}$/.test(fields.at(4)) ? `qid:${fields.at(4)}` : null;
  return [qid, isOthers ? null : insurance].filter((number) => number !== null && number !== code.number).map(String);
}
