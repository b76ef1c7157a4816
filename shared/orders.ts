/** What a gateway orders a kiosk to do, retained on the kiosk's own topic; and how the kiosk says that it has done so. */
import { z } from 'zod';
import { kioskIdSchema } from './topics.ts';

const orderId = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, 'must be letters, digits, - and _');

/** An order, at most this long, in bytes. */
export const orderBytesMax = 1_024;

/** Send everything, forget who enrolled you, and wait for an invitation. `reset` is the id of this very order. */
export const ordersSchema = z.looseObject({ v: z.literal(1), kiosk: kioskIdSchema, reset: orderId });
export type Orders = z.infer<typeof ordersSchema>;

/** The question by which a kiosk leaves: it has sent everything, scans nothing more, and is about to forget its key. */
export const leaveQuestion = 'leave';

export const leaveRequestSchema = z.looseObject({ v: z.literal(1), reset: orderId });
export type LeaveRequest = z.infer<typeof leaveRequestSchema>;

/** Whether the gateway has cut the kiosk's certificates off, as it does when the order stands. */
export const leaveAnswerSchema = z.looseObject({ v: z.literal(1), left: z.boolean() });
export type LeaveAnswer = z.infer<typeof leaveAnswerSchema>;
