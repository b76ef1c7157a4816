/**
 * The question `time`: a kiosk whose own clock is not synchronised asks what time it is. An exchange as in NTP (RFC 5905
 * §8), with one time stamp of the gateway's instead of two, as it answers at once.
 */
import { z } from 'zod';

/** The question's name. */
export const timeQuestion = 'time';

const questionSchema = z.looseObject({
  v: z.literal(1),
  /** The kiosk's boot. */
  boot: z.string().max(64),
  /** Milliseconds since that boot, when the question was asked. */
  monotonicMs: z.int().min(0),
});
export type TimeQuestion = z.infer<typeof questionSchema>;

const answerSchema = z.looseObject({
  v: z.literal(1),
  /** The gateway's time when it answered, milliseconds since the Unix epoch. */
  atMs: z.int(),
  /** By how much that may be wrong. */
  errorMs: z.int().min(0),
  /** Whether the gateway's time comes from a time server. What is not synchronised helps no kiosk. */
  synced: z.boolean(),
});
export type TimeAnswer = z.infer<typeof answerSchema>;

/** The wire form of a question. */
export function encodeTimeQuestion(question: Omit<TimeQuestion, 'v'>): Uint8Array {
  return Buffer.from(JSON.stringify({ v: 1, ...question }));
}

/** The wire form of an answer. */
export function encodeTimeAnswer(answer: Omit<TimeAnswer, 'v'>): Uint8Array {
  return Buffer.from(JSON.stringify({ v: 1, ...answer }));
}

/** Reads a question; null when it is none. Never throws. */
export function readTimeQuestion(payload: Uint8Array): TimeQuestion | null {
  return questionSchema.safeParse(parse(payload)).data ?? null;
}

/** Reads an answer; null when it is none. Never throws. */
export function readTimeAnswer(payload: Uint8Array): TimeAnswer | null {
  return answerSchema.safeParse(parse(payload)).data ?? null;
}

function parse(payload: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(payload));
  } catch {
    return null;
  }
}
