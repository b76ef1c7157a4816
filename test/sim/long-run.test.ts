import { describe, expect, it, test } from 'vitest';
import manifest from '../../package.json' with { type: 'json' };
import { runProcess } from '../fakes/processes.ts';
import { findGrowth, type Sample } from './long-run-growth.ts';

/** How long the short form of the long run may take on a crowded machine, in milliseconds: several times what it does. */
const deadlineMs = 120_000;

/** The short form: as the long one, with fewer days and people, and a power cut on the fourth day. */
const shortForm = ['--days', '5', '--entries', '2000', '--power-cut-every', '4'];

describe('a hospital gate', () => {
  it(
    'runs for days, through cuts of network and power, and neither loses an entry nor grows',
    async () => {
      const words = manifest.scripts['long-run'].split(' ');
      const node = words.indexOf('node');
      const env = Object.fromEntries(words.slice(0, node).map((word) => word.split('=')));
      const args = [...words.slice(node + 1), ...shortForm];
      const { code, stdout, stderr } = await runProcess(args, { env, deadlineMs });
      expect({ code, stderr }, stdout).toEqual({ code: 0, stderr: '' });
      const ended = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as {
        came: object;
        events: Record<string, number>;
      };
      expect(ended.came).toEqual({ 'gate-visitors': 4990, 'gate-staff': 4990 });
      // Or the cuts did not happen: each day one of the network, once one of power, for each of two kiosks.
      expect(ended.events).toMatchObject({ 'link.connected': 14, 'outbox.opened': 2, 'forwarder.recovered': 5 });
    },
    deadlineMs,
  );
});

describe('growth', () => {
  const samples = (...heaps: number[]): Sample[] => heaps.map((heap, index) => ({ day: index + 1, figures: { heap } }));

  test.each([
    ['of more than the share', samples(100, 100, 100, 111, 111), { settled: 100, grown: 111 }],
    ['from where it was once settled', samples(200, 50, 60, 56, 70), { settled: 50, grown: 56 }],
    ['from nothing', samples(0, 0, 0, 1, 1), { settled: 0, grown: 1 }],
  ])('is found, %s', (_title, course, growth) => {
    expect(findGrowth(course, 0.1)).toEqual([{ name: 'heap', ...growth }]);
  });

  test.each([
    ['that ended before the second day', samples(50, 100, 100, 100, 100)],
    ['within the share', samples(100, 100, 100, 110, 110)],
    ['of one day', samples(100, 100, 100, 130, 100)],
  ])('is none, %s', (_title, course) => {
    expect(findGrowth(course, 0.1)).toEqual([]);
  });

  test('cannot be told from four days', () => {
    expect(() => findGrowth(samples(100, 100, 100, 100), 0.1)).toThrow(/4 days/);
  });
});
