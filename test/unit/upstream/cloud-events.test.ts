import { describe, expect, test } from 'vitest';
import { encodeBatch, encodeEvent } from '../../../gateway/upstream/cloud-events.ts';
import { makeEntry, uuid } from '../../fakes/entries.ts';

const entry = (number: number, changes: Parameters<typeof makeEntry>[1] = {}) => {
  const { entry, body } = makeEntry(number, changes);
  return { id: entry.id, kiosk: entry.kiosk, at: entry.at, subject: entry.subject, body };
};

describe('an entry as a CloudEvent', () => {
  test('has the attributes of CloudEvents 1.0 and the entry as its data', () => {
    const made = entry(7);
    expect(JSON.parse(encodeEvent(made, 'clinic'))).toEqual({
      specversion: '1.0',
      id: uuid(7),
      source: '/sites/clinic/kiosks/gate-a',
      type: 'vn.ravao.entry.v1',
      subject: 'SubjectSubjectSubject1',
      time: made.at,
      datacontenttype: 'application/json',
      data: JSON.parse(made.body),
    });
  });

  test('says when it was made where the kiosk says it wrongly, and keeps what the kiosk says', () => {
    const bestMs = Date.UTC(2026, 10, 20, 1);
    const event: unknown = JSON.parse(
      encodeEvent({ ...entry(7), corrected: { bestMs, fromMs: bestMs - 60_000, toMs: bestMs + 3_600_000 } }, 'clinic'),
    );
    expect(event).toMatchObject({
      time: entry(7).at,
      correctedtime: '2026-11-20T01:00:00.000Z',
      notbefore: '2026-11-20T00:59:00.000Z',
      notafter: '2026-11-20T02:00:00.000Z',
      data: JSON.parse(entry(7).body),
    });
  });

  test('is of a type of its own where nobody passed, whatever else is called like that', () => {
    const typeOf = (changes: Parameters<typeof makeEntry>[1]) => JSON.parse(encodeEvent(entry(1, changes), 'x')).type;
    expect(typeOf({ code: { kind: 'control', verified: true } })).toBe('vn.ravao.control.v1');
    expect(typeOf({ code: { kind: 'visitor', verified: true } })).toBe('vn.ravao.entry.v1');
    expect(typeOf({ gate: '"kind":"control"' })).toBe('vn.ravao.entry.v1');
  });

  test('holds the entry byte for byte', () => {
    const body = `{ "v":1.0, "later" : [1e2, "\\u00e9 Cổng"] }`;
    expect(encodeEvent({ ...entry(1), body }, 'x')).toContain(`"data":${body}}`);
  });

  test('leaves out a subject that is null or empty, because an attribute may be neither', () => {
    for (const subject of [null, '']) {
      expect(JSON.parse(encodeEvent({ ...entry(1), subject }, 'x'))).not.toHaveProperty('subject');
    }
  });

  test('writes the site as one segment of a URI, whatever it is called', () => {
    for (const site of ['Bệnh viện A / khu B', '50% & "more"', '\ud800']) {
      const { source } = JSON.parse(encodeEvent(entry(1), site)) as { source: string };
      expect(source).toMatch(/^\/sites\/[A-Za-z0-9%._~!*'()-]+\/kiosks\/gate-a$/);
      expect(decodeURIComponent(source.split('/')[2] ?? '')).toBe(site.toWellFormed());
    }
  });

  test('gives a time without seconds the seconds that RFC 3339 asks for', () => {
    const { time } = JSON.parse(encodeEvent({ ...entry(1), at: '2026-11-20T08:31Z' }, 'x')) as { time: string };
    expect(time).toBe('2026-11-20T08:31:00Z');
  });

  test('a batch is a JSON array in the order given', () => {
    const events = JSON.parse(encodeBatch([entry(2), entry(1), entry(3)], 'x')) as { id: string }[];
    expect(events.map(({ id }) => id)).toEqual([uuid(2), uuid(1), uuid(3)]);
  });
});
