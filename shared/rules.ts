/**
 * The rules that a gateway gives its kiosks (version 1): a small head that says what holds, and lists of fixed-length
 * items in chunks. The README tells the whole way.
 */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { personItemBytes, type SiteRules, siteRulesSchema } from './site-rules.ts';
import { listNameSchema } from './topics.ts';

/** A head on the wire is at most this long, in bytes. */
export const headBytesMax = 16 * 1024;

/** A chunk of a list is at most this long, in bytes: it passes both sides' packet limits, and holds up an entry little. */
export const chunkBytesMax = 32 * 1024;

/** A list has at most this many items. */
export const listItemsMax = 4_000_000;

const issuersMax = 32;

/** How long an item of each list is, in bytes: a card's id, a short number (uint32, big-endian), people (`site-rules.ts`). */
export const itemBytesOf = { revoked: 12, issued: 4, barred: personItemBytes, expected: personItemBytes } as const;
export type ListName = keyof typeof itemBytesOf;

/** The lists of printed cards, which only grow; the others change as the site wants. */
export const cardListNames = ['revoked', 'issued'] as const satisfies readonly ListName[];
export type CardListName = (typeof cardListNames)[number];

/** How many items of this length a chunk holds when a gateway may choose. */
export function chunkItemsOf(itemBytes: number): number {
  return Math.floor(chunkBytesMax / itemBytes);
}

const listSchema = z
  .looseObject({
    itemBytes: z.int().min(4).max(64).multipleOf(4),
    /** All chunks but the last hold exactly so many items. */
    chunkItems: z.int().min(1).max(chunkBytesMax),
    count: z.int().min(0).max(listItemsMax),
    /** Of all items: see {@link extendDigest}. Base64url. */
    digest: z.string().regex(/^[A-Za-z0-9_-]{43}$/, 'must be 32 bytes in base64url'),
    /** Of `issued`: with which of the site's own keys the cards were issued, from which item on. Absent: all with the first issuer's. */
    runs: z
      .array(z.looseObject({ from: z.int().min(0), issuer: z.string() }))
      .max(issuersMax)
      .optional(),
  })
  .refine(({ itemBytes, chunkItems }) => itemBytes * chunkItems <= chunkBytesMax, 'its chunks are too long');

/** One list as a head tells of it. */
export type ListHead = z.infer<typeof listSchema>;

/** From which item on issued numbers are those of which issuer. */
export type IssuedRun = NonNullable<ListHead['runs']>[number];

const issuerSchema = z
  .looseObject({
    id: z.string(),
    name: z.string().min(1).max(200),
    /** Ed25519, 32 bytes in base64url. */
    publicKey: z.string().regex(/^[A-Za-z0-9_-]{43}$/, 'must be 32 bytes in base64url'),
    /** The site itself, which alone may sign control cards. */
    own: z.boolean().optional(),
  })
  .refine(({ id, publicKey }) => id === issuerIdOf(publicKey), 'its id is not that of its key');

const headSchema = z.looseObject({
  v: z.literal(1),
  /** The same for the same rules, and for no others. */
  version: z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, 'must be 1 to 64 base64url characters'),
  /** Who may sign printed cards; the site itself first. */
  issuers: z.array(issuerSchema).max(issuersMax),
  /** By name. A list that is not named stays as it is; names that a kiosk does not know are not for it. */
  lists: z.record(listNameSchema, listSchema),
  /** What the site wants beyond good codes. Without it what was said before holds on. */
  site: siteRulesSchema.optional(),
});

/** What holds now, as a gateway says it on a kiosk's `rules` topic. */
export type RulesHead = z.infer<typeof headSchema>;

/** What a head says, without its version, which follows from it. */
export interface RulesContent extends Pick<RulesHead, 'issuers' | 'lists'> {
  readonly site?: SiteRules;
}

/** The key id of an issuer. @param publicKey raw, base64url. */
export function issuerIdOf(publicKey: string): string {
  return createHash('sha256').update(Buffer.from(publicKey, 'base64url')).digest('hex').slice(0, 8);
}

/** Gives the rules their version; `problem` is one line for a person, where they are more than a head can say. */
export function makeHead({ issuers, lists, site }: RulesContent): DecodedHead {
  const content = site === undefined ? { issuers, lists } : { issuers, lists, site };
  const version = createHash('sha256')
    .update(JSON.stringify(Object.values(content)))
    .digest('base64url')
    .slice(0, 22);
  return decodeHead(encodeHead({ v: 1, version, ...content }));
}

/** Writes the wire form. */
export function encodeHead(head: RulesHead): Uint8Array {
  return Buffer.from(JSON.stringify(head));
}

export type DecodedHead = { readonly head: RulesHead } | { readonly problem: string };

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** Reads a head; `problem` is one line for a person. Never throws. */
export function decodeHead(payload: Uint8Array): DecodedHead {
  if (payload.byteLength > headBytesMax) return { problem: `${payload.byteLength} bytes, ${headBytesMax} allowed` };
  let value: unknown;
  try {
    value = JSON.parse(utf8.decode(payload));
  } catch {
    return { problem: 'not JSON in UTF-8' };
  }
  return readHead(value);
}

/** Reads a head that was parsed already. Never throws. */
export function readHead(value: unknown): DecodedHead {
  const parsed = headSchema.safeParse(value);
  if (!parsed.success)
    return {
      problem: parsed.error.issues.map(({ path, message }) => `${path.join('.') || 'head'}: ${message}`).join(', '),
    };
  for (const [name, itemBytes] of Object.entries(itemBytesOf)) {
    const list = parsed.data.lists[name];
    if (list !== undefined && list.itemBytes !== itemBytes)
      return { problem: `${name}: items of ${list.itemBytes} bytes, not ${itemBytes}` };
  }
  return { head: parsed.data };
}

/** The digest of a list without items. */
export const emptyDigest: Uint8Array = new Uint8Array(32);

/**
 * The digest of a list that goes on by one chunk, full or not: SHA-256 over the digest before that chunk and its bytes.
 * So a list is known by one digest, and whoever keeps the digest before the last chunk can prove that it has grown.
 */
export function extendDigest(before: Uint8Array, chunk: Uint8Array): Uint8Array {
  return createHash('sha256').update(before).update(chunk).digest();
}

/** As a head says it. */
export function encodeDigest(digest: Uint8Array): string {
  return Buffer.from(digest).toString('base64url');
}
