/**
 * What a printed code tells a kiosk that knows nobody: where its gateway is, by what to know it, and a secret that works
 * once. The text is `RVE1:` and base45 (RFC 9285) of a CBOR map (RFC 8949) with numbers for keys, then a signature of 64
 * bytes: ECDSA on P-256 with SHA-256 (IEEE P1363 form) by the site's authority, over `RVE1:` and the map as it stands.
 * A key that is not known here is passed over, so that later invitations may hold more.
 */
import { encode as encodeBase45 } from 'base45';
import { decode, encode } from 'cborg';
import { z } from 'zod';
import { decodeBase45 } from './code/base45.ts';
import { kioskIdSchema } from './topics.ts';

/** What every invitation of this version begins with. */
export const invitationMark = 'RVE1:';

/** A longer text is none, in characters: it would not fit into a code that can be scanned. */
export const invitationCharsMax = 1_200;

/** The length of the one-time secret, in bytes. */
export const secretBytes = 16;

/** The length of the authority's fingerprint, in bytes: SHA-256 of its certificate in DER. */
export const fingerprintBytes = 32;

/** How many addresses an invitation names at most. */
export const addressesMax = 4;

const signatureBytes = 64;

/** A gate's name, as people call it. It is shown on terminals, so it holds nothing that would steer one. */
export const gateNameSchema = z
  .string()
  .max(200)
  .regex(/^\P{C}+$/u, 'must be 1 to 200 characters that can be printed');

/** A host and a port, as one connects to them; an IPv6 address stands without brackets. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

/** An invitation, read. */
export interface Invitation {
  /** Where the gateway takes enrolments, the likeliest first. */
  readonly addresses: readonly Address[];
  /** SHA-256 of the site's authority's certificate (DER): the one thing that a new kiosk trusts. */
  readonly fingerprint: Uint8Array;
  readonly secret: Uint8Array;
  /** The place, as people call it. */
  readonly gate: string;
  readonly direction: 'in' | 'out' | 'toggle';
  readonly kiosk: string;
  /** When it ends, in milliseconds since the Unix epoch; whole seconds. */
  readonly expiresMs: number;
}

/** The numbers that stand for fields; 8 is kept for the settings of a wireless network. */
const field = { addresses: 1, fingerprint: 2, secret: 3, gate: 4, direction: 5, kiosk: 6, expires: 7 } as const;

const directions = ['in', 'out', 'toggle'] as const;

/** Reads `host:port`, an IPv6 address in brackets; null where it is none. */
export function parseAddress(text: string): Address | null {
  const [, host = '', digits = ''] =
    /^(\[[\da-f:.]{2,45}\]|[a-z\d](?:[a-z\d.-]{0,251}[a-z\d])?):(\d{1,5})$/i.exec(text) ?? [];
  const port = Number(digits);
  return host === '' || port < 1 || port > 65_535 ? null : { host: host.replace(/^\[(.*)\]$/, '$1'), port };
}

/** Writes `host:port`, an IPv6 address in brackets. */
export function formatAddress({ host, port }: Address): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

const address = z
  .string()
  .max(300)
  .transform((text, context) => {
    const parsed = parseAddress(text);
    if (parsed === null) context.addIssue({ code: 'custom', message: 'must be host:port' });
    return parsed ?? z.NEVER;
  });

const bytesOf = (length: number) =>
  z.instanceof(Uint8Array).refine((bytes) => bytes.length === length, `must be ${length} bytes`);

const schema = z.object({
  [field.addresses]: z.array(address).min(1).max(addressesMax),
  [field.fingerprint]: bytesOf(fingerprintBytes),
  [field.secret]: bytesOf(secretBytes),
  [field.gate]: gateNameSchema,
  [field.direction]: z
    .int()
    .min(0)
    .max(directions.length - 1),
  [field.kiosk]: kioskIdSchema,
  // Up to the last second that a Date can hold.
  [field.expires]: z.int().min(0).max(8_640_000_000_000),
});

/** An invitation that was read, and what is needed to see whether a site's authority made it. */
export interface ReadInvitation {
  readonly invitation: Invitation;
  /** What was signed. */
  readonly signed: Uint8Array;
  readonly signature: Uint8Array;
}

/** Whether a text means to be an invitation, of this version or another, whole or not. */
export function isInvitation(text: string): boolean {
  return /^RVE\d{0,3}(?:[:;.]|$)/.test(text.trim());
}

/** Writes an invitation as the text of a code. @param sign gives the authority's signature, 64 bytes. */
export function encodeInvitation(invitation: Invitation, sign: (bytes: Uint8Array) => Uint8Array): string {
  const map = new Map<number, unknown>([
    [field.addresses, invitation.addresses.map(formatAddress)],
    [field.fingerprint, invitation.fingerprint],
    [field.secret, invitation.secret],
    [field.gate, invitation.gate],
    [field.direction, directions.indexOf(invitation.direction)],
    [field.kiosk, invitation.kiosk],
    [field.expires, Math.floor(invitation.expiresMs / 1_000)],
  ]);
  const body = encode(map);
  return `${invitationMark}${encodeBase45(join(body, sign(toSigned(body))))}`;
}

/**
 * Reads the text of a code. Null where it is no invitation of this version, or is damaged; what it says is not believed
 * before the signature is checked. Never throws.
 */
export function decodeInvitation(text: string): ReadInvitation | null {
  // Spaces belong to base45, but none stands at its end.
  const line = text.trim();
  if (!line.startsWith(invitationMark) || line.length > invitationCharsMax) return null;
  const bytes = decodeBase45(line.slice(invitationMark.length));
  if (bytes === null || bytes.length <= signatureBytes) return null;
  const body = bytes.subarray(0, -signatureBytes);
  const parsed = schema.safeParse(toFields(body));
  if (!parsed.success) return null;
  const values = parsed.data;
  const direction = directions[values[field.direction]];
  if (direction === undefined) return null;
  const invitation: Invitation = {
    addresses: values[field.addresses],
    fingerprint: values[field.fingerprint],
    secret: values[field.secret],
    gate: values[field.gate],
    direction,
    kiosk: values[field.kiosk],
    expiresMs: values[field.expires] * 1_000,
  };
  return { invitation, signed: toSigned(body), signature: bytes.subarray(-signatureBytes) };
}

/** The map's fields by their number; null where it is no map. */
function toFields(body: Uint8Array): Record<string, unknown> | null {
  try {
    const map: unknown = decode(body, { useMaps: true, rejectDuplicateMapKeys: true, strict: true });
    if (!(map instanceof Map)) return null;
    return Object.fromEntries([...map].filter(([key]) => typeof key === 'number'));
  } catch {
    return null;
  }
}

/** The mark stands before what is signed, so that the signature is good for nothing else that the authority signs. */
function toSigned(body: Uint8Array): Uint8Array {
  return join(new TextEncoder().encode(invitationMark), body);
}

function join(one: Uint8Array, other: Uint8Array): Uint8Array {
  const both = new Uint8Array(one.length + other.length);
  both.set(one);
  both.set(other, one.length);
  return both;
}
