/** The record of one person passing, or being refused at, one gate, and its form on the wire (version 1). */
import { z } from 'zod';
import { kioskIdSchema } from './topics.ts';

/** An entry on the wire is at most this long, in bytes of UTF-8. */
export const entryBytesMax = 4096;

/** The version of the wire form that this code writes and reads. */
export const entryVersion = 1;

/** Bytes as they stand in JSON. */
export const base64Url = z.string().regex(/^[A-Za-z0-9_-]+$/, 'must be base64url without padding');

/** A pseudonym: 16 bytes. */
export const subjectSchema = z.string().regex(/^[A-Za-z0-9_-]{22}$/, 'must be 22 base64url characters');

/** An identity that only the holder of the site's private key can open. See `identity.ts`. */
export const sealedIdentitySchema = z.looseObject({
  /** The encapsulated key of RFC 9180, base64url. */
  enc: base64Url.max(64),
  /** The ciphertext with its tag, base64url. */
  ct: base64Url.max(2048),
  /** Which site key it was sealed to. */
  key: base64Url.max(64),
});

/** Where a time comes from when the clock is not synchronised. */
const timeSourceFields = {
  /** `gateway`: the gateway, which was synchronised, has told the time. Without it, it is the machine's own. */
  source: z.string().max(16).optional(),
  /** By how much a time from the gateway may be wrong, in milliseconds. */
  errorMs: z.int().min(0).optional(),
};

export const entrySchema = z.looseObject({
  v: z.literal(entryVersion),
  /** A UUID (kiosks make version 7): the only key by which a second copy is told. */
  id: z.uuid(),
  kiosk: kioskIdSchema,
  /** The UUID of the outbox that counted `seq`. */
  epoch: z.uuid(),
  /** 1, 2, 3, … without a gap within an epoch. */
  seq: z.int().min(1),
  /** Wall-clock time at the kiosk, UTC. */
  at: z.iso.datetime(),
  clock: z.looseObject({
    /** Whether the machine's own clock was synchronised to a time server. */
    synced: z.boolean(),
    /** The kernel's id of this boot; `monotonicMs` can be compared only within one. */
    boot: z.string().max(64),
    /** Milliseconds since that boot. */
    monotonicMs: z.int().min(0),
    ...timeSourceFields,
  }),
  /** The place, as people call it. */
  gate: z.string().min(1).max(200),
  direction: z.enum(['in', 'out']),
  outcome: z.enum(['admitted', 'refused']),
  /** `ok`, or the reason code of the refusal. */
  reason: z.string().min(1).max(64),
  method: z.enum(['scan', 'manual', 'backfill']),
  code: z.looseObject({
    /** The format that was read, or `unknown`. */
    kind: z.string().min(1).max(32),
    /** Whether a signature proved the code genuine. */
    verified: z.boolean(),
    /** Oddities that do not refuse by themselves. */
    warnings: z.array(z.string().max(64)).max(16).optional(),
  }),
  subject: subjectSchema.nullable(),
  identity: sealedIdentitySchema.nullable(),
});

export type Entry = z.infer<typeof entrySchema>;
export type SealedIdentity = z.infer<typeof sealedIdentitySchema>;
export type Direction = Entry['direction'];
export type Outcome = Entry['outcome'];

/** An entry before its outbox gives it a place: everything but `kiosk`, `epoch` and `seq`. */
export type EntryDraft = Without<Entry, 'v' | 'kiosk' | 'epoch' | 'seq'>;

/** `Omit` for an object that may hold more than its known fields; `Omit` itself would forget the types of those it keeps. */
type Without<T, Field extends string> = { [Key in keyof T as Key extends Field ? never : Key]: T[Key] };

/** Writes the wire form. The caller keeps the result and sends these very bytes, however often. */
export function encodeEntry(draft: EntryDraft, place: { kiosk: string; epoch: string; seq: number }): string {
  const { id, ...rest } = draft;
  return JSON.stringify({ v: entryVersion, id, ...place, ...rest });
}

/** Why bytes are not an entry: a code for statistics and one line for a person. */
export type EntryProblem = {
  readonly reason: 'too-long' | 'not-utf8' | 'not-json' | 'version' | 'invalid';
  readonly detail: string;
};

export type DecodedEntry =
  | { readonly ok: true; readonly entry: Entry; readonly body: string }
  | { readonly ok: false; readonly problem: EntryProblem };

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function wrong(reason: EntryProblem['reason'], detail: string): DecodedEntry {
  return { ok: false, problem: { reason, detail } };
}

/** The schema, compiled when it is first read by: a kiosk never does. It takes a third of the time. */
let compiledSchema: typeof entrySchema | null = null;

/** Reads the wire form. Never throws: what is wrong is a value. `detail` holds field names, never their contents. */
export function decodeEntry(payload: Uint8Array): DecodedEntry {
  if (payload.byteLength > entryBytesMax)
    return wrong('too-long', `${payload.byteLength} bytes, ${entryBytesMax} allowed`);
  let body: string;
  try {
    body = utf8.decode(payload);
  } catch {
    return wrong('not-utf8', 'the payload is not UTF-8');
  }
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    return wrong('not-json', 'the payload is not JSON');
  }
  const version = typeof value === 'object' && value !== null && 'v' in value ? value.v : undefined;
  if (typeof version === 'number' && version !== entryVersion) {
    return wrong('version', `version ${version}, this program reads ${entryVersion}`);
  }
  compiledSchema ??= z.compile(entrySchema);
  const parsed = compiledSchema.safeParse(value);
  if (parsed.success) return { ok: true, entry: parsed.data, body };
  return wrong(
    'invalid',
    parsed.error.issues.map((issue) => `${issue.path.join('.') || 'entry'}: ${issue.code}`).join(', '),
  );
}

/** What a kiosk says of itself on its retained state topic; also its last will, with `online: false` and nothing more. */
export const kioskStateSchema = z.looseObject({
  v: z.literal(1),
  online: z.boolean(),
  version: z.string().max(64).optional(),
  scanner: z.enum(['working', 'lost', 'ended']).optional(),
  board: z.enum(['working', 'lost', 'off']).optional(),
  outbox: z
    .looseObject({ depth: z.int().min(0), limit: z.int().min(1), oldestMs: z.int().min(0).nullable() })
    .optional(),
  clock: z
    .looseObject({
      synced: z.boolean(),
      boot: z.string().max(64),
      at: z.iso.datetime(),
      /** Milliseconds since that boot, at the same moment. */
      monotonicMs: z.int().min(0).optional(),
      ...timeSourceFields,
    })
    .optional(),
  /** Of the process that speaks: another after each start. Two that speak by turns are two machines. */
  instance: z.string().max(64).optional(),
  /** When its certificate ends, and why it has not been renewed, where that was tried. */
  certificate: z.looseObject({ until: z.iso.datetime(), problem: z.string().max(32).optional() }).optional(),
  /** How guards have set the gate; a direction of null is the one that it was set up with. */
  control: z.looseObject({ closed: z.boolean(), direction: z.enum(['in', 'out', 'toggle']).nullable() }).optional(),
  /** What it holds of the gateway's rules. */
  rules: z
    .looseObject({
      /** Of the head that it last held to the last item. */
      version: z.string().max(64).nullable(),
      revoked: z.int().min(0),
      issued: z.int().min(0),
      /** Revoked cards that the gateway's list has no more; they stay refused. */
      kept: z.int().min(0),
      /** People in these lists; absent: none. */
      barred: z.int().min(0).optional(),
      expected: z.int().min(0).optional(),
      /** Its copy was damaged and has not come again yet. */
      damaged: z.boolean().optional(),
    })
    .optional(),
});
export type KioskState = z.infer<typeof kioskStateSchema>;

/** What the kiosk says of itself, without what its link to the gateway adds. */
export type KioskCondition = Without<KioskState, 'v' | 'online'>;

/** What the gateway says of the site on the retained site topic, and writes into the folder that `enrol` makes. */
export const siteNoticeSchema = z.looseObject({
  v: z.literal(1),
  /** The site's name. */
  site: z.string().min(1).max(200),
  /** The public key to seal identities to. */
  key: z.looseObject({ id: base64Url.max(64), publicKey: base64Url.length(43) }),
  /** Follows from the keys and authorities that a kiosk is to have: one that was given others asks for new ones. */
  credentials: base64Url.max(64).optional(),
  /** The questions that the gateway answers. One that says nothing of them takes a question for a kiosk gone wild. */
  answers: z.array(z.string().max(64)).max(64).optional().catch(undefined),
});
export type SiteNotice = z.infer<typeof siteNoticeSchema>;
