/** What can be told of something in quarantine. */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { kioskIdSchema } from '../../shared/topics.ts';
import type { QuarantineDraft } from './store.ts';

/** A place in the count of one outbox. */
export interface StreamPlace {
  readonly kiosk: string;
  readonly epoch: string;
  readonly seq: number;
}

/** Longer bytes are not searched for a place: an entry of whatever version is far shorter. */
const searchedBytesMax = 64 * 1024;

/** An upstream's reason is cut to this many characters. */
const reasonCharsMax = 200;

const placeSchema = z.looseObject({ kiosk: kioskIdSchema, epoch: z.uuid(), seq: z.int().min(1) });

/**
 * The place that quarantined bytes claim, in whatever version; null where they claim none, or one of another kiosk than
 * the one that sent them (or else a kiosk could hide that another's entries are missing).
 */
export function readPlace(item: Pick<QuarantineDraft, 'kiosk' | 'raw'>): StreamPlace | null {
  if (item.raw.byteLength > searchedBytesMax) return null;
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder().decode(item.raw));
  } catch {
    return null;
  }
  const { success, data } = placeSchema.safeParse(value);
  return success && data.kiosk === item.kiosk
    ? { kiosk: data.kiosk, epoch: data.epoch.toLowerCase(), seq: data.seq }
    : null;
}

/** Equal for what is kept once only: the same bytes from the same kiosk for the same reason, sent again when its acknowledgement was lost. */
export function quarantineDigest(
  item: Pick<QuarantineDraft, 'kiosk' | 'reason' | 'raw'>,
  upstream: string | null,
): Buffer {
  return createHash('sha256')
    .update(`${JSON.stringify([item.kiosk, item.reason, upstream])}\0`)
    .update(item.raw)
    .digest();
}

/** An upstream's words as one short line: nothing that a stranger sends may break a terminal or a log. */
export function toDetail(reason: string): string {
  return reason
    .replace(/\p{C}+/gu, ' ')
    .trim()
    .slice(0, reasonCharsMax);
}
