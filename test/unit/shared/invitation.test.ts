import { createHash, generateKeyPairSync, sign, verify } from 'node:crypto';
import { encode as encodeBase45 } from 'base45';
import { encode } from 'cborg';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { qrMatrix } from '../../../gateway/cards/qr-matrix.ts';
import {
  addressesMax,
  decodeInvitation,
  encodeInvitation,
  fingerprintBytes,
  formatAddress,
  type Invitation,
  invitationMark,
  isInvitation,
  parseAddress,
  secretBytes,
} from '../../../shared/invitation.ts';

const authority = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const dsaEncoding = 'ieee-p1363';
const signIt = (bytes: Uint8Array) => sign('sha256', bytes, { key: authority.privateKey, dsaEncoding });

const usual: Invitation = {
  addresses: [
    { host: '192.168.7.20', port: 8884 },
    { host: 'cong-truoc.local', port: 8884 },
  ],
  fingerprint: createHash('sha256').update('authority').digest(),
  secret: new Uint8Array(secretBytes).fill(7),
  gate: 'Cổng A',
  direction: 'in',
  kiosk: 'cong-a',
  expiresMs: Date.UTC(2026, 10, 22),
};

const host = fc.oneof(
  fc.domain(),
  fc.ipV4(),
  fc.ipV6().filter((text) => !text.includes('%')),
);
const invitations: fc.Arbitrary<Invitation> = fc.record({
  addresses: fc.array(fc.record({ host, port: fc.integer({ min: 1, max: 65_535 }) }), {
    minLength: 1,
    maxLength: addressesMax,
  }),
  fingerprint: fc.uint8Array({ minLength: fingerprintBytes, maxLength: fingerprintBytes }),
  secret: fc.uint8Array({ minLength: secretBytes, maxLength: secretBytes }),
  gate: fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }).filter((text) => /^\P{C}+$/u.test(text)),
  direction: fc.constantFrom('in', 'out', 'toggle'),
  kiosk: fc.stringMatching(/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/),
  expiresMs: fc.integer({ min: 0, max: 4_000_000_000 }).map((seconds) => seconds * 1_000),
});

function plain(invitation: Invitation | undefined) {
  if (invitation === undefined) return null;
  const { fingerprint, secret, ...rest } = invitation;
  return {
    ...rest,
    fingerprint: Buffer.from(fingerprint).toString('hex'),
    secret: Buffer.from(secret).toString('hex'),
  };
}

/** The text of a map that is signed, whatever it holds. */
function textOf(map: Map<unknown, unknown>): string {
  const body = encode(map);
  return `${invitationMark}${encodeBase45(Buffer.concat([body, signIt(body)]))}`;
}

const usualMap = new Map<unknown, unknown>([
  [1, ['192.168.7.20:8884']],
  [2, usual.fingerprint],
  [3, usual.secret],
  [4, 'Cổng A'],
  [5, 0],
  [6, 'cong-a'],
  [7, 1_795_000_000],
]);

describe('an invitation', () => {
  it('is read as it was written, and bears the signature of what was read', () => {
    fc.assert(
      fc.property(invitations, (made) => {
        const text = encodeInvitation(made, signIt);
        const read = decodeInvitation(text);
        expect(plain(read?.invitation)).toEqual(plain(made));
        if (read === null) throw new Error('not read');
        expect(verify('sha256', read.signed, { key: authority.publicKey, dsaEncoding }, read.signature)).toBe(true);
        expect(isInvitation(text)).toBe(true);
      }),
    );
  });

  it('is not believed when any letter of it is another', () => {
    const text = encodeInvitation(usual, signIt);
    const letters = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:';
    fc.assert(
      fc.property(fc.nat(text.length - 1), fc.nat(letters.length - 1), (at, which) => {
        const changed = text.slice(0, at) + letters[which] + text.slice(at + 1);
        fc.pre(changed !== text);
        const read = decodeInvitation(changed);
        if (read === null) return;
        expect(verify('sha256', read.signed, { key: authority.publicKey, dsaEncoding }, read.signature)).toBe(false);
      }),
      { numRuns: 1_000 },
    );
  });

  it('never makes the reader throw', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => void decodeInvitation(`${invitationMark}${text}`)));
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        decodeInvitation(`${invitationMark}${encodeBase45(bytes)}`);
      }),
    );
  });

  it('is read with white space around it, as it is pasted', () => {
    expect(decodeInvitation(`  ${encodeInvitation(usual, signIt)}\r\n`)).not.toBeNull();
  });

  it('is read with fields that are not known yet', () => {
    const map = new Map(usualMap).set(8, { ssid: 'Nha-may', key: 'made-up' }).set('note', 1);
    expect(decodeInvitation(textOf(map))?.invitation.kiosk).toBe('cong-a');
  });

  it.each<[string, number, unknown]>([
    ['no address', 1, []],
    ['too many addresses', 1, Array(addressesMax + 1).fill('a:1')],
    ['an address without a port', 1, ['gateway']],
    ['a short fingerprint', 2, new Uint8Array(20)],
    ['a short secret', 3, new Uint8Array(8)],
    ['no gate', 4, ''],
    ['a gate that would steer a terminal', 4, 'A\u001b[2J'],
    ['an unknown direction', 5, 3],
    ['a path for an id', 6, '../../etc/ravao'],
    ['a wildcard for an id', 6, 'gate-#'],
    ['no end', 7, undefined],
    ['an end before time', 7, -1],
  ])('is none with %s', (_, number, value) => {
    const map = new Map(usualMap);
    if (value === undefined) map.delete(number);
    else map.set(number, value);
    expect(decodeInvitation(textOf(usualMap))).not.toBeNull();
    expect(decodeInvitation(textOf(map))).toBeNull();
  });

  it('is none of another version, in lower case, or cut short', () => {
    const text = encodeInvitation(usual, signIt);
    expect(decodeInvitation(text.replace('RVE1', 'RVE2'))).toBeNull();
    expect(decodeInvitation(text.toLowerCase())).toBeNull();
    expect(decodeInvitation(text.slice(0, -30))).toBeNull();
  });

  it('fits into a code of 49 modules, which a terminal of 80 columns can show', () => {
    expect(qrMatrix(encodeInvitation(usual, signIt), 'L').length).toBeLessThanOrEqual(53);
  });
});

describe('an address', () => {
  it.each([
    ['192.168.7.20:8884', { host: '192.168.7.20', port: 8884 }],
    ['[fd00::20]:8884', { host: 'fd00::20', port: 8884 }],
    ['cong-truoc.local:1', { host: 'cong-truoc.local', port: 1 }],
  ])('is read and written: %s', (text, address) => {
    expect(parseAddress(text)).toEqual(address);
    expect(formatAddress(address)).toBe(text);
  });

  it.each(['gateway', ':8884', 'gateway:0', 'gateway:65536', 'a b:1', 'https://a:1', 'a:1/x', '-a:1', '[a]x:1'])(
    'is none: %s',
    (text) => expect(parseAddress(text)).toBeNull(),
  );
});
