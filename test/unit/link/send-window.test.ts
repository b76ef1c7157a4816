import { expect, it } from 'vitest';
import { SendWindow } from '../../../kiosk/send-window.ts';

function rows(...seqs: number[]) {
  return seqs.map((seq) => ({ seq, body: `{"seq":${seq}}` }));
}

function seqsOf(taken: readonly { seq: number }[]): number[] {
  return taken.map(({ seq }) => seq);
}

it('sends at most as many as it has room for, and has room again after an acknowledgement', () => {
  const window = new SendWindow(2);
  expect(seqsOf(window.take(rows(1, 2), 0))).toEqual([1, 2]);
  expect(window.room).toBe(0);
  expect(() => window.take(rows(3), 0)).toThrow();
  window.acknowledge(2);
  expect([window.room, window.underWay, window.cursor]).toEqual([1, 1, 2]);
  expect(window.acknowledged).toEqual([2]);
});

it('never goes back within a connection', () => {
  const window = new SendWindow(4);
  window.take(rows(1, 2), 0);
  expect(() => window.take(rows(2), 0)).toThrow('in order');
});

it('knows when the oldest entry under way was sent', () => {
  const window = new SendWindow(4);
  expect(window.oldestSentMs).toBeNull();
  window.take(rows(1), 10);
  window.take(rows(2), 20);
  window.acknowledge(1);
  expect(window.oldestSentMs).toBe(20);
});

it('begins again with the oldest on a new connection, but for what is already acknowledged', () => {
  const window = new SendWindow(4);
  window.take(rows(1, 2, 3), 0);
  window.acknowledge(2);
  window.restart();
  expect([window.cursor, window.underWay]).toEqual([0, 0]);
  expect(seqsOf(window.take(rows(1, 2, 3), 5))).toEqual([1, 3]);
  window.forgotten([2]);
  expect(window.acknowledged).toEqual([]);
});

it('takes no acknowledgement for what is not under way', () => {
  const window = new SendWindow(4);
  window.take(rows(1), 0);
  window.restart();
  window.acknowledge(1);
  window.acknowledge(7);
  expect(window.acknowledged).toEqual([]);
});
