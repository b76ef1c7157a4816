/** What the quarantine knows its items by, and says of them. */
import { createHash } from 'node:crypto';
import type { QuarantineDraft } from './store.ts';

/** An upstream's reason is cut to this many characters. */
const reasonCharsMax = 200;

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
