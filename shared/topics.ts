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

/** Retained while there is one: what the gateway orders. Gateway → that kiosk. See `orders.ts`. */
export function ordersTopic(kiosk: string): string {
  return `${root}/kiosks/${kiosk}/orders`;
}

/** The name of a list that kiosks hold a copy of. */
export const listNameSchema = z.string().regex(/^[a-z](?:[a-z-]{0,30}[a-z])?$/, 'must be 1 to 32 lower-case letters');

/** Retained, binary: items of a list that kiosks hold a copy of. Gateway → all kiosks. @param chunk 0, 1, 2, … */
export function listChunkTopic(list: string, chunk: number): string {
  return `${siteTopic}/lists/${list}/${chunk}`;
}

/** Retained, binary: who passes, where the site wants passback or a limit (`presence.ts`). Gateway → all kiosks. */
export const presenceTopic = `${siteTopic}/presence`;

/**
 * A question, QoS 0, not retained. Kiosk → gateway.
 * @param question its name. @param id tells this asking from every other on its connection: 1 to 16 letters and digits.
 */
export function askTopic(kiosk: string, question: string, id: string): string {
  return `${root}/kiosks/${kiosk}/ask/${question}/${id}`;
}

/** The answer to the question asked under the same id, QoS 0, not retained. Gateway → the connection that asked. */
export function answerTopic(kiosk: string, question: string, id: string): string {
  return `${root}/kiosks/${kiosk}/answer/${question}/${id}`;
}

const asked = /^([a-z](?:[a-z-]{0,30}[a-z])?)\/([a-z0-9]{1,16})$/;

/** Which question a kiosk asks on a topic; null where the topic is not one for its questions. */
export function readAskTopic(kiosk: string, topic: string): { readonly question: string; readonly id: string } | null {
  const prefix = `${root}/kiosks/${kiosk}/ask/`;
  const [, question, id] = (topic.startsWith(prefix) && asked.exec(topic.slice(prefix.length))) || [];
  return question === undefined || id === undefined ? null : { question, id };
}

/** One chunk at a time: with a wildcard a kiosk would be sent more at once than it can read. */
const listChunkFilter = new RegExp(`^${siteTopic}/lists/[a-z-]{1,32}/(?:0|[1-9][0-9]{0,6})$`);

/** Whether a kiosk may publish on a topic: only its own entries, its own state and its own questions. */
export function mayPublish(kiosk: string, topic: string): boolean {
  return topic === entriesTopic(kiosk) || topic === stateTopic(kiosk) || readAskTopic(kiosk, topic) !== null;
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
