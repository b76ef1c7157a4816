import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type AdmissionFacts, judge, stayMsMax } from '../../../kiosk/admission.ts';
import { type AdmissionReason, refusalCharsMax, warningTexts } from '../../../shared/code/refusal-texts.ts';
import type { Direction } from '../../../shared/entry.ts';
import { strictnesses } from '../../../shared/site-rules.ts';

const today = 2_500;

/** A person of whom nothing is known, at a gate that wants nothing. */
const nothing: AdmissionFacts = {
  clockSynced: true,
  othersKnown: true,
  today,
  bar: null,
  expected: { strictness: 'off', isListed: false },
  passback: { strictness: 'off', last: null },
  occupancy: null,
};

const bar = (lastDay: number | null) => ({ bar: { lastDay, text: 'Xin gặp y tế.', code: 'health' } });
const expected = (strictness: 'off' | 'warn' | 'refuse', isListed = false) => ({ expected: { strictness, isListed } });
const passback = (strictness: 'off' | 'warn' | 'refuse', direction: Direction, agoMs = 60_000) => ({
  passback: { strictness, last: { direction, agoMs } },
});
const occupancy = (strictness: 'warn' | 'refuse', inside: number | null) => ({
  occupancy: { strictness, limit: 10, inside },
});
const unsynced = { clockSynced: false };
const alone = { othersKnown: false };

type Changes = Partial<AdmissionFacts>;

/** What is known, which way, and what follows: `ok`, `! warnings`, or the reason. */
const cases: readonly [string, Changes, Direction, string][] = [
  ['nothing', {}, 'in', 'ok'],
  ['a bar without end', bar(null), 'in', 'barred'],
  ['a bar without end, on the way out', bar(null), 'out', '! barred'],
  ['a bar that ends today', bar(today), 'in', 'barred'],
  ['a bar that ended yesterday', bar(today - 1), 'in', 'ok'],
  ['a bar that ended yesterday, on the way out', bar(today - 1), 'out', 'ok'],
  [
    'a bar that seems to have ended, by a clock that may be wrong',
    { ...bar(today - 1), ...unsynced },
    'in',
    '! barred',
  ],
  ['a bar with an end, by a clock that may be wrong', { ...bar(today + 9), ...unsynced }, 'in', '! barred'],
  ['a bar without end, by a clock that may be wrong', { ...bar(null), ...unsynced }, 'in', 'barred'],
  ['a bar, without the gateway', { ...bar(today), ...alone }, 'in', 'barred'],
  ['not expected, where that is no matter', expected('off'), 'in', 'ok'],
  ['expected', expected('refuse', true), 'in', 'ok'],
  ['not expected, where that warns', expected('warn'), 'in', '! not-expected'],
  ['not expected, where that refuses', expected('refuse'), 'in', 'not-expected'],
  ['not expected, on the way out', expected('refuse'), 'out', 'ok'],
  ['not expected, by a clock that may be wrong', { ...expected('refuse'), ...unsynced }, 'in', '! not-expected'],
  ['not expected, without the gateway', { ...expected('refuse'), ...alone }, 'in', 'not-expected'],
  ['in after in', passback('refuse', 'in'), 'in', 'passback'],
  ['in after in, where that warns', passback('warn', 'in'), 'in', '! passback'],
  ['in after in, where that is no matter', passback('off', 'in'), 'in', 'ok'],
  ['in after out', passback('refuse', 'out'), 'in', 'ok'],
  ['out after in', passback('refuse', 'in'), 'out', 'ok'],
  ['out after out', passback('refuse', 'out'), 'out', '! passback'],
  ['in after an in of long ago', passback('refuse', 'in', stayMsMax), 'in', 'ok'],
  ['in after an in that the clock says is to come', passback('refuse', 'in', -5_000), 'in', 'passback'],
  ['in after in, by a clock that may be wrong', { ...passback('refuse', 'in'), ...unsynced }, 'in', '! passback'],
  ['in after in, without the gateway', { ...passback('refuse', 'in'), ...alone }, 'in', '! passback'],
  ['one place left', occupancy('refuse', 9), 'in', 'ok'],
  ['no place left', occupancy('refuse', 10), 'in', 'full'],
  ['no place left, where that warns', occupancy('warn', 11), 'in', '! full'],
  ['no place left, on the way out', occupancy('refuse', 11), 'out', 'ok'],
  ['no place left, without the gateway', { ...occupancy('refuse', 10), ...alone }, 'in', '! full'],
  ['a limit, and nobody knows how many are inside', occupancy('refuse', null), 'in', 'ok'],
  [
    'all at once',
    { ...bar(null), ...expected('refuse'), ...passback('refuse', 'in'), ...occupancy('refuse', 10) },
    'in',
    'barred',
  ],
  [
    'two refusals and a warning',
    { ...expected('warn'), ...passback('refuse', 'in'), ...occupancy('refuse', 10) },
    'in',
    'passback',
  ],
  ['two warnings', { ...expected('warn'), ...occupancy('warn', 10) }, 'in', '! not-expected full'],
];

describe('a person at a gate', () => {
  it.each(cases)('with %s', (_, changes, direction, answer) => {
    const { outcome, reason, warnings } = judge({ ...nothing, ...changes }, direction);
    if (answer === 'ok') expect([outcome, reason, warnings]).toEqual(['admitted', 'ok', []]);
    else if (answer.startsWith('! ')) expect([outcome, warnings.join(' ')]).toEqual(['admitted', answer.slice(2)]);
    else expect([outcome, reason]).toEqual(['refused', answer]);
  });

  it('passes where the site wants nothing', () => {
    expect(judge(null, 'in')).toEqual({ outcome: 'admitted', reason: 'ok', warnings: [] });
  });

  it('is told of to the guard in the words of the bar, and else in those of the reason', () => {
    expect(judge({ ...nothing, ...bar(null) }, 'in')).toMatchObject({ note: 'Xin gặp y tế.' });
    expect(judge({ ...nothing, bar: { lastDay: null, text: null, code: null } }, 'in')).not.toHaveProperty('note');
    expect(judge({ ...nothing, ...expected('refuse') }, 'in')).not.toHaveProperty('note');
    expect(judge({ ...nothing, ...expected('warn') }, 'in')).toMatchObject({ note: warningTexts['not-expected'].vi });
  });

  it('has words that fit beside the lights', () => {
    for (const reason of Object.keys(warningTexts) as AdmissionReason[]) {
      expect(warningTexts[reason].vi.length).toBeLessThanOrEqual(refusalCharsMax);
    }
  });

  const last = fc.option(
    fc.record({
      direction: fc.constantFrom<Direction>('in', 'out'),
      agoMs: fc.integer({ min: -1000, max: 2 * stayMsMax }),
    }),
  );
  const anyFacts: fc.Arbitrary<AdmissionFacts> = fc.record({
    clockSynced: fc.boolean(),
    othersKnown: fc.boolean(),
    today: fc.constant(today),
    bar: fc.option(
      fc.record({
        lastDay: fc.option(fc.integer({ min: today - 2, max: today + 2 })),
        text: fc.option(fc.constant('Xin gặp y tế.')),
        code: fc.constant('health'),
      }),
    ),
    expected: fc.record({ strictness: fc.constantFrom(...strictnesses), isListed: fc.boolean() }),
    passback: fc.record({ strictness: fc.constantFrom(...strictnesses), last }),
    occupancy: fc.option(
      fc.record({
        strictness: fc.constantFrom<'warn' | 'refuse'>('warn', 'refuse'),
        limit: fc.constant(10),
        inside: fc.option(fc.integer({ min: 0, max: 20 })),
      }),
    ),
  });

  it('is never kept in, whatever is known', () => {
    fc.assert(fc.property(anyFacts, (facts) => judge(facts, 'out').outcome === 'admitted'));
  });

  it('is refused by what the others told only where that is all there is to know', () => {
    fc.assert(
      fc.property(anyFacts, (facts) => {
        const { reason } = judge({ ...facts, othersKnown: false }, 'in');
        return reason !== 'passback' && reason !== 'full';
      }),
    );
  });

  it('is refused by a day only where the day is known', () => {
    fc.assert(
      fc.property(anyFacts, (facts) => {
        const { reason } = judge({ ...facts, clockSynced: false }, 'in');
        if (reason === 'barred') return facts.bar?.lastDay === null;
        return reason !== 'not-expected' && reason !== 'passback';
      }),
    );
  });
});
