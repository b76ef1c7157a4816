import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readIssuers } from '../../../kiosk/known-cards.ts';
import {
  chunkItemsOf,
  decodeHead,
  encodeHead,
  headBytesMax,
  issuerIdOf,
  makeHead,
  type RulesContent,
  type RulesHead,
} from '../../../shared/rules.ts';
import { makeIssuer } from '../../fakes/card-lists.ts';

const digest = 'A'.repeat(43);
const issuer = makeIssuer();
const content: RulesContent = {
  issuers: [issuer, makeIssuer('Xã X')],
  lists: {
    revoked: { itemBytes: 12, chunkItems: chunkItemsOf(12), count: 3, digest },
    issued: { itemBytes: 4, chunkItems: chunkItemsOf(4), count: 5, digest },
  },
};

function made(from: RulesContent = content): RulesHead {
  const head = makeHead(from);
  if ('problem' in head) throw new Error(head.problem);
  return head.head;
}

const decodeJson = (value: unknown) => decodeHead(Buffer.from(JSON.stringify(value)));

describe('the head of the rules', () => {
  it('is read as it was written', () => {
    expect(decodeHead(encodeHead(made()))).toEqual({ head: made() });
    expect(made().issuers).toEqual(content.issuers);
  });

  it('has the same version for the same rules, and another for others', () => {
    const grown = {
      ...content,
      lists: { ...content.lists, revoked: { itemBytes: 12, chunkItems: 2730, count: 4, digest } },
    };
    expect(made().version).toBe(made(structuredClone(content)).version);
    expect(
      new Set([made(), made(grown), made({ ...content, issuers: [issuer] })].map(({ version }) => version)).size,
    ).toBe(3);
  });

  it('may tell of lists and fields that this kiosk does not know', () => {
    const lists = { ...content.lists, 'expected-today': { itemBytes: 16, chunkItems: 2048, count: 9, digest } };
    const decoded = decodeJson({ ...made(), lists, gate: 'Cổng A' });
    expect('head' in decoded && Object.keys(decoded.head.lists)).toEqual(['revoked', 'issued', 'expected-today']);
  });

  it.each<[string, unknown]>([
    ['nothing', null],
    ['a number', 7],
    ['a list', []],
    ['a later version', { ...made(), v: 2 }],
    ['no version', { ...made(), version: undefined }],
    ['a version with a blank', { ...made(), version: 'a b' }],
    ['a digest that is cut', { ...made(), lists: { revoked: { ...content.lists.revoked, digest: 'A' } } }],
    ['a count below nothing', { ...made(), lists: { revoked: { ...content.lists.revoked, count: -1 } } }],
    ['a count beyond all bounds', { ...made(), lists: { revoked: { ...content.lists.revoked, count: 4_000_001 } } }],
    ['half an item', { ...made(), lists: { revoked: { ...content.lists.revoked, count: 0.5 } } }],
    [
      'card ids of another length',
      { ...made(), lists: { revoked: { ...content.lists.revoked, itemBytes: 16, chunkItems: 1 } } },
    ],
    ['chunks that are too long', { ...made(), lists: { revoked: { ...content.lists.revoked, chunkItems: 2731 } } }],
    ['chunks of nothing', { ...made(), lists: { revoked: { ...content.lists.revoked, chunkItems: 0 } } }],
    ['a list with a path for a name', { ...made(), lists: { '../revoked': content.lists.revoked } }],
    ['an issuer whose id is not that of its key', { ...made(), issuers: [{ ...issuer, id: '00000000' }] }],
    ['an issuer with half a key', { ...made(), issuers: [{ ...issuer, publicKey: 'AAAA' }] }],
    ['more issuers than there may be', { ...made(), issuers: Array.from({ length: 33 }, () => issuer) }],
  ])('with %s is not read', (_title, value) => {
    expect(decodeJson(value)).toEqual({ problem: expect.any(String) });
  });

  it.each<[string, Uint8Array]>([
    ['no bytes', new Uint8Array(0)],
    ['no JSON', Buffer.from('{')],
    ['no UTF-8', Uint8Array.of(0x22, 0xff, 0x22)],
    ['too many bytes', Buffer.from(JSON.stringify({ ...made(), more: 'x'.repeat(headBytesMax) }))],
  ])('is not read from %s', (_title, payload) => {
    expect(decodeHead(payload)).toEqual({ problem: expect.any(String) });
  });

  it('is never the reason for an exception, whatever it is', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.uint8Array(), (value, bytes) => void [decodeJson(value), decodeHead(bytes)]),
    );
  });

  it('is not made of more than it can say', () => {
    const issuers = Array.from({ length: 33 }, () => issuer);
    expect(makeHead({ ...content, issuers })).toEqual({ problem: expect.stringContaining('issuers') });
  });

  it('gives issuers whose keys a kiosk can use, whatever bytes they are', () => {
    const keys = fc
      .uint8Array({ minLength: 32, maxLength: 32 })
      .map((bytes) => Buffer.from(bytes).toString('base64url'));
    fc.assert(
      fc.property(keys, (publicKey) => {
        const id = issuerIdOf(publicKey);
        const read = readIssuers({ issuers: [{ id, name: 'Nhà máy A', publicKey }] });
        expect(read.get(id)?.publicKey.asymmetricKeyType).toBe('ed25519');
      }),
    );
  });
});
