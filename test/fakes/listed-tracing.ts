import type { Meeting, Passage, TimeWindow, Tracing } from '../../gateway/tracing/tracing.ts';
import { uuid } from './entries.ts';

/** Tracing over lists: passages that are found by subject, gate and time, and meetings that are told whoever asks. */
export function listedTracing(
  passages: readonly Passage[],
  meetings: readonly Meeting[] = [],
): Tracing & { readonly asked: (readonly string[])[] } {
  const asked: (readonly string[])[] = [];
  const isWithin = ({ atMs }: Passage, window: TimeWindow | null) =>
    window === null || (atMs >= window.fromMs && atMs < window.toMs);
  return {
    asked,
    async *visitsOf(subjects, window) {
      asked.push(subjects);
      yield* passages.filter((one) => subjects.includes(one.subject ?? '') && isWithin(one, window));
    },
    async *passagesAt(gate, window) {
      yield* passages.filter((one) => (gate === null || one.gate === gate) && isWithin(one, window));
    },
    async *together(subjects) {
      asked.push(subjects);
      yield* meetings;
    },
    async *encounters(subjects) {
      asked.push(subjects);
      yield* meetings;
    },
  };
}

/** A made-up passage; its id is {@link uuid} of `number`, its time that number of minutes after a morning in Viet Nam. */
export function makePassage(number: number, changes: Partial<Passage> = {}): Passage {
  const atMs = Date.UTC(2026, 10, 20, 0, number);
  return {
    ...{ id: uuid(number), kiosk: 'gate-a', gate: 'Cổng A', direction: 'in', outcome: 'admitted' },
    ...{ atMs, fromMs: atMs, toMs: atMs, subject: null, identity: null, kind: 'cccd', method: 'scan' },
    ...changes,
  };
}
