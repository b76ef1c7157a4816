/** A question answered and audited: what was asked is on record before anything is opened, and how much it told afterwards. */
import { createHmac } from 'node:crypto';
import type { Act, Audit } from '../audit/audit.ts';
import { formatMoment } from '../moment.ts';
import { nothingTold, type Question, type Tally, type UnsealParts, unseal } from './unseal.ts';
import { tableHeading, tableRow } from './unseal-table.ts';

/** A reason may have so many characters. */
export const reasonCharsMax = 500;

/** What investigating takes. */
export interface Investigating extends UnsealParts {
  readonly audit: Audit;
  readonly signal: AbortSignal;
}

/** How an investigation ended. */
export interface Ending extends Tally {
  /** False where it was stopped before the end, or the reader went away. */
  readonly complete: boolean;
}

/** So many lines of the table are handed over at once. */
const linesPerPiece = 200;

/**
 * Answers a question as a table (CSV), piece by piece. Whatever ends it, the audit then says how much was told.
 * Rejects with the Faults AUDIT_WRITE_FAILED, before anything is opened, and those of reading the store.
 * @param why the reason that the officer gives.
 * @param ended told at the end.
 */
export async function* investigate(
  question: Question,
  why: string,
  parts: Investigating,
  ended: (ending: Ending) => void,
): AsyncGenerator<string> {
  const { audit, signal, subjectKeys } = parts;
  await audit.record({ action: 'identities.unseal', what: describe(question, subjectKeys), why });
  let tally: Tally = nothingTold;
  let complete = false;
  try {
    let lines = [tableHeading(question)];
    const findings = unseal(question, parts, (now) => {
      tally = now;
    });
    for await (const finding of findings) {
      if (signal.aborted) break;
      lines.push(tableRow(finding));
      if (lines.length < linesPerPiece) continue;
      yield lines.join('');
      lines = [];
    }
    if (lines.length > 0) yield lines.join('');
    complete = !signal.aborted;
  } finally {
    await audit.record({ action: 'identities.unsealed', what: { ...tally, complete } });
    ended({ ...tally, complete });
  }
}

/**
 * What stands for a person in the audit: a pseudonym of its own, so that the site can later tell a person who asked whether
 * it was they whose data were opened, and nobody can join it with entries without the site's keys.
 */
export function auditPseudonym(subjectKey: Uint8Array, number: string): string {
  const digest = createHmac('sha256', subjectKey).update(`ravao audit person v1\n${number}`).digest('base64url');
  return digest.slice(0, 22);
}

function describe(question: Question, subjectKeys: readonly Uint8Array[]): Act['what'] {
  const { window } = question;
  const span = {
    from: window === null ? null : momentOrNull(window.fromMs),
    to: window === null ? null : momentOrNull(window.toMs),
  };
  if (question.type === 'gate') return { question: question.type, gate: question.gate, ...span };
  const newest = subjectKeys.at(-1) ?? new Uint8Array();
  return { question: question.type, person: question.numbers.map((one) => auditPseudonym(newest, one)), ...span };
}

function momentOrNull(ms: number): string | null {
  return Number.isFinite(ms) ? formatMoment(ms) : null;
}
