import { describe, expect, it } from 'vitest';
import { findLaggards } from '../../../gateway/keys/laggards.ts';
import type { Enrolled } from '../../../gateway/trust/enrolled.ts';
import type { TrustContents } from '../../../gateway/trust/trust-files.ts';

const at = '2026-11-20T08:00:00.000Z';
const generation = (kind: string, number: number) => ({ id: `${kind}${number}`, number });
const contents = {
  authorities: [generation('ca', 1), generation('ca', 2)],
  sealingKeys: [generation('site', 1), generation('site', 2)],
  subjectKeys: [generation('subject', 1)],
} as unknown as TrustContents;

const newest = { authority: 'ca2', site: 'site2', subject: 'subject1' };
const certificate = (kiosk: string, serial: string, keys?: Enrolled['keys']): Enrolled => ({
  ...{ kiosk, serial, at, notAfter: at },
  ...(keys !== undefined && { keys }),
});

describe('kiosks that lag behind', () => {
  it('are those whose last certificate was given with an older key, or before keys were recorded', () => {
    const enrolled = [
      certificate('gate-c', '0c', newest),
      certificate('gate-b', '0b', { ...newest, site: 'site1' }),
      certificate('gate-a', '0a'),
    ];
    expect(findLaggards(contents, { enrolled, revoked: [], used: [], paper: [] })).toEqual({
      site: [
        { kiosk: 'gate-a', number: 1 },
        { kiosk: 'gate-b', number: 1 },
      ],
      subject: [],
      authority: [{ kiosk: 'gate-a', number: 1 }],
    });
  });

  it('are told by the certificate that they came with, not by the one that they were given', () => {
    const enrolled = [certificate('gate-a', '01'), certificate('gate-a', '02', newest)];
    const came = (...serials: string[]) => {
      const used = serials.map((serial) => ({ kiosk: 'gate-a', serial, at }));
      return findLaggards(contents, { enrolled, revoked: [], used, paper: [] }).site.length;
    };
    expect([came(), came('01'), came('01', '02'), came('01', '02', '01')]).toEqual([0, 1, 0, 1]);
  });

  it('have a key that is gone', () => {
    const enrolled = [certificate('gate-a', '0a', { ...newest, authority: 'ca0' })];
    const { authority } = findLaggards(contents, { enrolled, revoked: [], used: [], paper: [] });
    expect(authority).toEqual([{ kiosk: 'gate-a', number: null }]);
  });

  it('are neither those that are cut off nor paper', () => {
    const enrolled = [certificate('gate-a', '0a'), certificate('gate-b', '0b'), certificate('paper', '0d')];
    const revoked = [{ kiosk: 'gate-a', serial: '0a', at }];
    const used = [{ kiosk: 'gate-a', serial: '0a', at }];
    const { site } = findLaggards(contents, { enrolled, revoked, used, paper: ['paper'] });
    expect(site.map(({ kiosk }) => kiosk)).toEqual(['gate-b']);
  });
});
