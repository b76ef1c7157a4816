/** What a UUID tells of when it was made. */

/** Clocks of a kiosk and of its gateway may differ by so much without anything being wrong, in milliseconds. */
export const clockSlackMs = 10 * 60_000;

/**
 * Whether an id can have been made before a moment. Only version 7 carries its time (RFC 9562 §5.7); of any other, as those
 * of written lists, which follow from what was written, it is taken to be so.
 */
export function isUuidBefore(id: string, untilMs: number): boolean {
  if (id[14] !== '7') return true;
  const madeMs = Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
  return madeMs <= untilMs + clockSlackMs;
}
