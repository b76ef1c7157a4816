import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { KioskWatch, patienceMs } from '../../../gateway/presence/kiosk-watch.ts';
import { lastResetMs } from '../../../gateway/presence/resets.ts';
import { type Passing, SitePresence, stayMsMax } from '../../../gateway/presence/site-presence.ts';
import type { Direction } from '../../../shared/entry.ts';

const subjects = ['A', 'B', 'C', 'D'].map((letter) => letter.repeat(22));
const passing = (subject: string | null, direction: Direction, atMs: number): Passing => ({ subject, direction, atMs });

describe('who is inside', () => {
  it('is who came in and has not gone out, however often it is told', () => {
    const site = new SitePresence();
    for (let time = 0; time < 2; time++) {
      site.take(passing('A'.repeat(22), 'in', 1000));
      site.take(passing('B'.repeat(22), 'in', 2000));
      site.take(passing('A'.repeat(22), 'out', 3000));
    }
    expect([site.inside, [...site.passages()].map(({ direction }) => direction)]).toEqual([1, ['in', 'out']]);
  });

  it('counts visitors without a code, and never below nobody', () => {
    const site = new SitePresence();
    for (const direction of ['out', 'in', 'in', 'out'] as const) site.take(passing(null, direction, 1000));
    expect(site.inside).toBe(1);
    site.forgetBefore(1000);
    expect(site.inside).toBe(0);
  });

  it('is the same in whatever order passages come, and the same as an obvious count', () => {
    const passages = fc.uniqueArray(
      fc.record({
        subject: fc.constantFrom(...subjects),
        direction: fc.constantFrom<Direction>('in', 'out'),
        atMs: fc.integer({ min: 1, max: 500 }),
      }),
      { selector: ({ subject, atMs }) => `${subject} ${atMs}`, maxLength: 30 },
    );
    fc.assert(
      fc.property(passages, fc.integer({ min: 0, max: 500 }), fc.infiniteStream(fc.nat()), (all, resetMs, order) => {
        const site = new SitePresence();
        const mixed = all.map((one) => ({ one, key: order.next().value ?? 0 })).sort((a, b) => a.key - b.key);
        for (const [index, { one }] of mixed.entries()) {
          if (index === Math.floor(all.length / 2)) site.forgetBefore(resetMs);
          site.take(one);
        }
        site.forgetBefore(resetMs);
        const newest = new Map(all.toSorted((a, b) => a.atMs - b.atMs).map((one) => [one.subject, one]));
        const inside = [...newest.values()].filter(({ direction, atMs }) => direction === 'in' && atMs > resetMs);
        expect(site.inside).toBe(inside.length);
        expect([...site.passages()].filter(({ direction }) => direction === 'in')).toHaveLength(inside.length);
      }),
    );
  });
});

describe('everybody is taken to have left', () => {
  const at = (text: string) => Date.parse(`2026-11-${text}:00+07:00`);
  it.each([
    ['never', null, null, at('20T08:00'), 0],
    ['when it was said by hand', null, at('20T07:00'), at('20T08:00'), at('20T07:00')],
    ['not by hand in the future: the clock was set back', null, at('20T09:00'), at('20T08:00'), 0],
    ['at the hour of today', '03:30', null, at('20T08:00'), at('20T03:30')],
    ['at the hour of yesterday', '03:30', null, at('20T03:29'), at('19T03:30')],
    ['at that very minute', '03:30', null, at('20T03:30'), at('20T03:30')],
    ['at the later of both', '03:30', at('20T05:00'), at('20T08:00'), at('20T05:00')],
    ['across the day of UTC', '23:00', null, at('20T23:30'), at('20T23:00')],
  ])('%s', (_, resetAt, resetMs, nowMs, wanted) => {
    expect(lastResetMs({ resetAt, resetMs }, nowMs)).toBe(wanted);
  });
});

describe('all kiosks are heard', () => {
  const online = { v: 1, online: true } as const;
  const waiting = (oldestMs: number) => ({ ...online, outbox: { depth: 1, limit: 10, oldestMs } });
  it('unless one is away, or has entries waiting, for longer than a moment', () => {
    const watch = new KioskWatch();
    expect(watch.isComplete(0)).toBe(true);
    watch.note('gate-a', online, 0);
    watch.note('gate-a', { v: 1, online: false }, 1_000);
    expect([watch.isComplete(patienceMs), watch.isComplete(1_001 + patienceMs)]).toEqual([true, false]);
    watch.note('gate-a', waiting(patienceMs + 1), 40_000);
    expect(watch.isComplete(40_000)).toBe(false);
    watch.note('gate-a', waiting(100), 50_000);
    expect(watch.isComplete(500_000)).toBe(true);
  });

  it('also not while one that sent entries before has not said anything, until a stay is over', () => {
    const watch = new KioskWatch();
    watch.seen('gate-b', 0);
    expect([watch.isComplete(patienceMs + 1), watch.isComplete(stayMsMax + 1), watch.isComplete(1)]).toEqual([
      false,
      true,
      true,
    ]);
  });
});
