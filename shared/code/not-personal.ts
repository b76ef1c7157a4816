/**
 * What people hold up that is no personal code, each kind with a reason of its own, so that the guard can say kindly what
 * to show instead.
 */
import { isInvitation } from '../invitation.ts';
import { type Format, refuse, type UnknownReason } from './code.ts';
import { isHcmcResult } from './hcmc-result.ts';

/** Makes a format of a reason and the texts that it is for. */
function none(kind: UnknownReason, claims: (text: string) => boolean): Format {
  return { kind, read: (text) => (claims(text.trim()) ? refuse(kind) : null) };
}

/** With a scheme, with `www.`, or at least a host with a letter first, a dot and a slash behind it. */
function isAddress(text: string): boolean {
  return /^(?:https?:\/\/|www\.)[^\s|]/i.test(text) || /^(?=[a-z])(?:[a-z\d-]+\.)+[a-z]{2,24}\/\S*$/i.test(text);
}

/**
 * Posters that places hang up for people's phones: PC-Covid's, Bluezone's and Ho Chi Minh City's. What exactly their
 * addresses hold was never published, so the host tells.
 */
function isPoster(text: string): boolean {
  const [, host = '', path = ''] = /^(?:https?:\/\/)?([^/?#]+)(.*)$/i.exec(text) ?? [];
  if (['qr.tokhaiyte.vn', 'qr.pccovid.gov.vn'].includes(host.toLowerCase())) return true;
  return host.toLowerCase() === 'kbyt.khambenh.gov.vn' && /^\/qr(?:[/?#]|$)/i.test(path);
}

/** A site's poster. */
export const sitePoster = none('site-poster', (text) => isAddress(text) && isPoster(text));

/** Any other address. */
export const webAddress = none('web-address', (text) => isAddress(text) && !isPoster(text) && !isHcmcResult(text));

/**
 * A payment code, VietQR among them: EMVCo's format indicator, then at least one more element (EMV QRCPS, merchant
 * presented mode, 4.6). No bar stands early in it, as it does in a card whose number happens to begin like it.
 */
export const paymentCode = none('payment-code', (text) => /^000201\d{6}(?:[^|]{12}|[^|]{3,}$)/.test(text));

/** A wireless network and its password. */
export const wifiCode = none('wifi-code', (text) => /^WIFI:/i.test(text));

/**
 * A visiting card or a calendar entry: vCard, MECARD, BizCard, iCalendar. A scanner ends a frame at each line's end, so
 * every line of a vCard (RFC 6350) comes by itself.
 */
export const contactCode = none(
  'contact-code',
  (text) =>
    /^(?:BEGIN|END):V[A-Z]+$|^(?:MECARD|BIZCARD):/i.test(text) ||
    /^(?:VERSION:\d\.\d$|(?:N|FN|ORG|TITLE|ADR|EMAIL|NOTE|PHOTO|BDAY|SUMMARY|DTSTART|DTEND|LOCATION)[:;]|(?:TEL|URL);)/.test(
      text,
    ),
);

/** What makes a phone call, write, pay or open something: addresses of schemes that phones know. */
export const phoneAction = none('phone-action', (text) =>
  /^(?:tel|sms|smsto|mms|mmsto|mailto|matmsg|geo|otpauth|otpauth-migration|market|intent|bitcoin|ethereum|facetime|skype|zalo|momo|viber|whatsapp|tg|fb|weixin|upi|lpa|dpp):/i.test(
    text,
  ),
);

/** Whether the digits end in GS1's check digit (General Specifications, 7.9): weights 3 and 1 by turns from the right. */
function hasGtinCheckDigit(digits: string): boolean {
  const sum = Array.from(digits)
    .reverse()
    .reduce((total, digit, place) => total + Number(digit) * (place % 2 === 0 ? 1 : 3), 0);
  return sum % 10 === 0;
}

/** Stands before the first element of a GS1 code, and between elements (FNC1). */
const groupSeparator = '\u001d';

/** A GTIN of 8, 12, 13 or 14 digits, alone or as the first element of a longer GS1 code, as on a box of medicine. */
function isRetail(text: string): boolean {
  if (/^(?:\d{8}|\d{12,14})$/.test(text)) return hasGtinCheckDigit(text);
  const [, gtin = ''] = /^(?:\(01\)|01)(\d{14})[^|]*$/.exec(text.replace(groupSeparator, '')) ?? [];
  return gtin !== '' && hasGtinCheckDigit(gtin);
}

/** The barcode of goods. */
export const retailBarcode = none('retail-barcode', isRetail);

/** What enrols a new kiosk, before one that is enrolled. */
export const invitation = none('invitation', isInvitation);

/** All of them, in no order that matters. */
export const notPersonal: readonly Format[] = [
  sitePoster,
  webAddress,
  paymentCode,
  wifiCode,
  contactCode,
  phoneAction,
  retailBarcode,
  invitation,
];
