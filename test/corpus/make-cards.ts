/**
 * `node test/corpus/make-cards.ts`: writes anew the samples of printed cards and of their typed numbers. To add one, add
 * it here and run this and `npm run format`.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cardDayOf } from '../../shared/card.ts';
import { formatCardNumber, nineDigits, tenDigits } from '../../shared/card-number.ts';
import { cardIssuer, communeIssuer, foreignIssuer, signedCard, siteIssuer } from '../fakes/signed-cards.ts';
import { issuedCards, revokedCard, type Sample } from './sample.ts';

const number = 123_456_789;
const printed = formatCardNumber(number);
const good = signedCard(number);
const day = (year: number, month: number, date: number) => cardDayOf(Date.UTC(year, month - 1, date));

function taken(kind: string, of: number, issuer = siteIssuer, expect: object = {}) {
  const person = { number: `RV1:${issuer.id}:${nineDigits(of)}`, identity: { number: tenDigits(of) } };
  return { kind, verified: true, warnings: [], ...person, ...expect };
}

const card = (what: string, text: string, refused?: string): Sample => ({
  what,
  text,
  expect: refused === undefined ? taken('ravao-card', number) : { refused },
});
const other = (what: string, text: string, of: number, issuer = siteIssuer): Sample => ({
  what,
  text,
  expect: taken('ravao-card', of, issuer),
});

/** The same key id, but another key: what somebody makes at home who has seen a card. */
const imitator = { ...cardIssuer('Nhà máy A', 9), id: siteIssuer.id };

const cards: readonly Sample[] = [
  card('of the site', good),
  other('of the commune', signedCard(number, {}, communeIssuer), number, communeIssuer),
  other('with a number of noughts', signedCard(0), 0),
  other('with the highest number', signedCard(999_999_999), 999_999_999),
  other('with an id above the highest number', signedCard(4_000_000_001), 1),
  other('with an id at the end of what fits', signedCard(0xffff_ffff), 294_967_295),
  other(
    'of the commune, with the number after a lost one',
    signedCard(revokedCard + 1, {}, communeIssuer),
    revokedCard + 1,
    communeIssuer,
  ),
  card('issued on the first day that a card can name', signedCard(number, { issuedDay: 0 })),
  card('valid through the last day that a card can name', signedCard(number, { expiryDay: 0xffff })),
  other('that was never entered in the list of issued numbers', signedCard(issuedCards), issuedCards),
  card('valid through this very day', signedCard(number, { expiryDay: day(2026, 11, 20) })),
  card('issued this very day', signedCard(number, { issuedDay: day(2026, 11, 20) })),
  card('expired yesterday', signedCard(number, { expiryDay: day(2026, 11, 19) }), 'card-expired'),
  card('that was revoked', signedCard(revokedCard), 'card-revoked'),
  card('of another site', signedCard(number, {}, foreignIssuer), 'card-issuer-unknown'),
  card('made at home', signedCard(number, {}, imitator), 'card-forged'),
  card('with a later last day than was signed', forge(good), 'card-forged'),
  card('of a kind that does not exist yet', signedCard(number, { kind: 2 }), 'card-malformed'),
  card('cut short', good.slice(0, 100), 'card-malformed'),
  card('with nothing behind its mark', 'RV1:', 'card-malformed'),
  card('in small letters', `RV1:${good.slice(4).toLowerCase()}`, 'card-malformed'),
  card('twice in one scan', good + good, 'card-malformed'),
];

/** Two cards of one issuer, crossed: the body of one with the signature of the other. */
function forge(text: string): string {
  const longer = signedCard(number, { expiryDay: day(2036, 12, 31) });
  // The signature begins in the middle of a group of three characters: 21 bytes are 10 groups and a half.
  return longer.slice(0, 4 + 33) + text.slice(4 + 33);
}

const typed = (what: string, text: string, expect: object): Sample => ({ what, text, expect }) as Sample;
const number1 = taken('ravao-card-number', number, siteIssuer, {
  verified: false,
  warnings: ['number-typed', 'expiry-unchecked'],
});
const zero = { ...number1, ...taken('ravao-card-number', 0), verified: false, warnings: number1.warnings };
const last = {
  ...number1,
  ...taken('ravao-card-number', issuedCards - 1),
  verified: false,
  warnings: number1.warnings,
};
const wrongDigit = `${printed.slice(0, -1)}${(Number(printed.at(-1)) + 1) % 10}`;
const unissued = formatCardNumber(issuedCards);

const numbers: readonly Sample[] = [
  typed('as printed', printed, number1),
  typed('without spaces', tenDigits(number), number1),
  typed('with hyphens', printed.replaceAll(' ', '-'), number1),
  typed('with spaces around it', ` ${printed} `, number1),
  typed('of noughts', formatCardNumber(0), zero),
  typed('of noughts without spaces', tenDigits(0), zero),
  typed('with one space too many before it', `  ${printed}`, number1),
  typed('with a tab behind it', `${printed}\t`, number1),
  typed('with spaces and hyphens', printed.replace(' ', '-'), number1),
  typed('of noughts with hyphens', formatCardNumber(0).replaceAll(' ', '-'), zero),
  typed('of the last that was issued', formatCardNumber(issuedCards - 1), last),
  typed('of the last that was issued, without spaces', tenDigits(issuedCards - 1), last),
  typed('with a wrong last digit', wrongDigit, { refused: 'card-number-unknown' }),
  typed('with two digits exchanged', swap(printed), { refused: 'card-number-unknown' }),
  typed('that was never issued', unissued, { refused: 'card-number-unknown' }),
  typed('of a card that was revoked', formatCardNumber(revokedCard), { refused: 'card-revoked' }),
];

function swap(text: string): string {
  return text.slice(1, 2) + text.slice(0, 1) + text.slice(2);
}

for (const [file, samples] of Object.entries({ 'ravao-card': cards, 'ravao-card-number': numbers })) {
  writeFileSync(join(import.meta.dirname, `${file}.json`), `${JSON.stringify(samples, null, 2)}\n`);
}
