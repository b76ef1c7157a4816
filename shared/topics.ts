import { z } from 'zod';

/**
 * A kiosk's or gateway's id: what stands in topics, file names and the certificate's common name. Lower-case letters,
 * digits and inner hyphens, 1 to 63 characters (an RFC 1123 label), so it can hold no path and no MQTT wildcard.
 */
export const kioskIdSchema = z
  .string()
  .regex(/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/, 'must be 1 to 63 lower-case letters, digits or inner hyphens');

const root = 'ravao/v1';

/** Retained: the site's name and public key. Gateway → all kiosks. */
export const siteTopic = `${root}/site`;

/** Entries, QoS 1. Kiosk → gateway. */
export function entriesTopic(kiosk: string): string {
  return `${root}/kiosks/${kiosk}/entries`;
}

/** Retained, and the last will. Kiosk → gateway. */
export function stateTopic(kiosk: string): string {
  return `${root}/kiosks/${kiosk}/state`;
}

/** Retained. Gateway → that kiosk. */
export function rulesTopic(kiosk: string): string {
  return `${root}/kiosks/${kiosk}/rules`;
}

/** The name of a list that kiosks hold a copy of. */
export const listNameSchema = z.string().regex(/^[a-z](?:[a-z-]{0,30}[a-z])?$/, 'must be 1 to 32 lower-case letters');

/** Retained, binary: items of a list that kiosks hold a copy of. Gateway → all kiosks. @param chunk 0, 1, 2, … */
export function listChunkTopic(list: string, chunk: number): string {
  return `${siteTopic}/lists/${list}/${chunk}`;
}

/** Retained, binary: who passes, where the site wants passback or a limit (`presence.ts`). Gateway → all kiosks. */
export const presenceTopic = `${siteTopic}/presence`;

/** One chunk at a time: with a wildcard a kiosk would be sent more at once than it can read. */
const listChunkFilter = new RegExp(`^${siteTopic}/lists/[a-z-]{1,32}/(?:0|[1-9][0-9]{0,6})$`);

/** Whether a kiosk may publish on a topic: only its own entries and its own state. */
export function mayPublish(kiosk: string, topic: string): boolean {
  return topic === entriesTopic(kiosk) || topic === stateTopic(kiosk);
}

/** Whether a kiosk may subscribe to a topic filter: only what lies under its own prefix, and the site's. */
export function maySubscribe(kiosk: string, filter: string): boolean {
  return (
    filter === siteTopic ||
    filter === presenceTopic ||
    listChunkFilter.test(filter) ||
    filter.startsWith(`${root}/kiosks/${kiosk}/`)
  );
}
