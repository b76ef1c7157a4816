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

/** Whether a kiosk may publish on a topic: only its own entries and its own state. */
export function mayPublish(kiosk: string, topic: string): boolean {
  return topic === entriesTopic(kiosk) || topic === stateTopic(kiosk);
}

/** Whether a kiosk may subscribe to a topic filter: only what lies under its own prefix, and the site's. */
export function maySubscribe(kiosk: string, filter: string): boolean {
  return filter === siteTopic || filter.startsWith(`${root}/kiosks/${kiosk}/`);
}
