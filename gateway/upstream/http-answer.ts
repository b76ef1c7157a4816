/** What an HTTP answer to a batch means. Pure. */
import { z } from 'zod';
import type { Delivery } from '../../shared/ports.ts';

/** An upstream may ask us to stay away for at most this long, in milliseconds. */
export const retryAfterMsMax = 3_600_000;

/** Of what an upstream says in words, this many characters are kept. */
export const reasonCharsMax = 200;

/** The head of an answer, as far as it matters. */
export interface AnswerHead {
  readonly status: number;
  readonly retryAfter: string | undefined;
  /** The answer's own `Date`: the other clock, against which a `Retry-After` date is meant. */
  readonly date: string | undefined;
}

/**
 * The delivery that a status means; a 2xx's rejections are read from its body by {@link readRejections}.
 * Every status has a meaning. Only a 4xx that blames the request itself may cost an entry its place in the queue;
 * what a wrong token, a wrong path or a moved server answers must not.
 * @param nowMs our own wall clock, for a `Retry-After` date in an answer without a `Date`.
 */
export function interpretStatus(head: AnswerHead, nowMs: number): Delivery {
  const { status } = head;
  const reason = `HTTP ${status}`;
  const later = (alarm: boolean): Delivery => {
    return { type: 'later', reason, retryAfterMs: readRetryAfter(head, nowMs), alarm };
  };
  if (status >= 200 && status <= 299) return { type: 'taken', rejected: [] };
  if (status === 413) return { type: 'too-large', reason };
  if (status === 408 || status === 425 || status === 429) return later(false);
  if (status === 401 || status === 403 || status === 404) return later(true);
  if (status >= 400 && status <= 499) return { type: 'refused', reason };
  if (status >= 500 && status <= 599) return later(false);
  // A redirect is not followed (the entries and the token were meant for this server only); 1xx and 600 end nothing.
  return later(true);
}

/** `Retry-After` in milliseconds: seconds or a date (RFC 9110 §10.2.3), at most {@link retryAfterMsMax}; null where absent or garbage. */
export function readRetryAfter(head: Omit<AnswerHead, 'status'>, nowMs: number): number | null {
  const text = head.retryAfter?.trim() ?? '';
  if (/^\d+$/.test(text)) return Math.min(Number(text) * 1000, retryAfterMsMax);
  const untilMs = /[a-z]/i.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(untilMs)) return null;
  // The gateway's own clock is doubted; the upstream means its own.
  const theirNowMs = Date.parse(head.date ?? '');
  const fromMs = Number.isNaN(theirNowMs) ? nowMs : theirNowMs;
  return Math.min(Math.max(untilMs - fromMs, 0), retryAfterMsMax);
}

/** What the body of a 2xx says. */
export interface Rejections {
  /** Entries of the batch that the upstream will never take, each once. */
  readonly rejected: readonly { readonly id: string; readonly reason: string }[];
  /** Why something in the body was left out of account; null when all of it was understood. */
  readonly ignored: string | null;
}

const answerSchema = z.looseObject({ rejected: z.array(z.unknown()).optional() });
const rejectionSchema = z.looseObject({ id: z.string(), reason: z.string().optional().catch(undefined) });

/**
 * Reads the optional body of a 2xx: `{"rejected":[{"id","reason"}]}`. Each item is read on its own, so one that is
 * garbage hides no other. Only ids of the batch count, so the result is never longer than the batch.
 */
export function readRejections(body: string, batchIds: readonly string[]): Rejections {
  if (body.trim() === '') return { rejected: [], ignored: null };
  const answer = answerSchema.safeParse(parseJson(body));
  if (!answer.success) return { rejected: [], ignored: 'the body is not {"rejected":[…]}' };
  const waiting = new Map(batchIds.map((id) => [id.toLowerCase(), id]));
  const rejected: { id: string; reason: string }[] = [];
  let unusable = 0;
  for (const item of answer.data.rejected ?? []) {
    const rejection = rejectionSchema.safeParse(item);
    // UUIDs may come back in upper case (RFC 9562 §4); some databases do that.
    const key = rejection.success ? rejection.data.id.toLowerCase() : '';
    const id = waiting.get(key);
    if (!rejection.success || id === undefined) {
      unusable++;
      continue;
    }
    waiting.delete(key);
    rejected.push({ id, reason: tidyReason(rejection.data.reason ?? '') || 'no reason given' });
  }
  return { rejected, ignored: unusable === 0 ? null : `${unusable} rejections name no entry of the batch` };
}

/** Foreign text made fit for one line of a log or a table. */
export function tidyReason(text: string): string {
  return text
    .slice(0, 4 * reasonCharsMax)
    .replace(/[\p{Cc}\p{Cf}\s]+/gu, ' ')
    .trim()
    .slice(0, reasonCharsMax)
    .toWellFormed();
}

/** Whether an error's code says that one side does not trust the other, or that this is no TLS: a person must mend it. */
export function isTrustFailure(code: string): boolean {
  return /^ERR_(?:SSL|TLS)_|CERT|^UNABLE_TO_|^HOSTNAME_MISMATCH$|^INVALID_|^PATH_LENGTH_|^CRL_|^EPROTO$/.test(code);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
