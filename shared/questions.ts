/**
 * What a kiosk may ask its gateway over the connection that it has, beside sending entries: a question by name, with a
 * payload of the question's own, and one answer to the very connection that asked. Nothing of it is kept: what is not
 * answered is asked again later.
 */
import { z } from 'zod';

/** The name of a question. */
export const questionNameSchema = z
  .string()
  .regex(/^[a-z](?:[a-z-]{0,30}[a-z])?$/, 'must be 1 to 32 lower-case letters');

/** A question, and an answer, is at most this long, in bytes. */
export const questionBytesMax = 8_192;
export const answerBytesMax = 32_768;

/** How often a kiosk may ask the same question within `questionWindowMs` milliseconds. */
export const questionsPerWindowMax = 10;
export const questionWindowMs = 60_000;
