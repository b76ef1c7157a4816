/** Where in a kiosk's count something says that it belongs, though it cannot be taken for an entry. */
import { z } from 'zod';
import { kioskIdSchema } from '../shared/topics.ts';
import type { ClaimedPlace } from './store/store.ts';

/** Longer bytes are not searched for a place: an entry of whatever version is far shorter. */
const searchedBytesMax = 64 * 1024;

const placeSchema = z.looseObject({ kiosk: kioskIdSchema, epoch: z.uuid(), seq: z.int().min(1) });

/**
 * The place that bytes from a kiosk claim, in whatever version; null where they claim none, or one of another kiosk (or
 * else a kiosk could hide that another's entries are missing).
 */
export function readClaimedPlace(kiosk: string, raw: Uint8Array): ClaimedPlace | null {
  if (raw.byteLength > searchedBytesMax) return null;
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder().decode(raw));
  } catch {
    return null;
  }
  const { success, data } = placeSchema.safeParse(value);
  return success && data.kiosk === kiosk ? { epoch: data.epoch.toLowerCase(), seq: data.seq } : null;
}
