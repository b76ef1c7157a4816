import { describe, expect, test } from 'vitest';
import { describeError, Fault, type FaultCode, faultCatalogue } from '../../../shared/fault.ts';

describe('every code of the catalogue', () => {
  test.each(Object.entries(faultCatalogue))(
    '%s is in capitals and says in sentences what is wrong and what to do',
    (code, row) => {
      expect(code).toMatch(/^[A-Z]+(?:_[A-Z]+)+$/);
      expect(row.meaning).toMatch(/^[A-Z].*\.$/);
      expect(row.remedy).toMatch(/^[A-Z].*\.$/);
      expect(typeof row.retryable).toBe('boolean');
    },
  );
});

test('a fault carries its code, the remedy, and the thing at fault in its message', () => {
  const cause = new Error('EACCES');
  const fault = new Fault('DATA_DIR_UNUSABLE', './data/kiosk', { cause });
  expect(fault).toMatchObject({
    name: 'Fault',
    code: 'DATA_DIR_UNUSABLE' satisfies FaultCode,
    retryable: false,
    cause,
  });
  expect(fault.message).toBe(`DATA_DIR_UNUSABLE: ${faultCatalogue.DATA_DIR_UNUSABLE.meaning} ./data/kiosk`);
  expect(fault.remedy).toBe(faultCatalogue.DATA_DIR_UNUSABLE.remedy);
});

test.each([
  ['\n  RAVAO_MQTT_PORT must be a port', '\n  RAVAO_MQTT_PORT must be a port'],
  ['', ''],
])('a fault has no blank before a list of problems, nor at its end: %j', (detail, told) => {
  const { message } = new Fault('CONFIG_INVALID', detail);
  expect(message).toBe(`CONFIG_INVALID: ${faultCatalogue.CONFIG_INVALID.meaning}${told}`);
});

describe('an error is described on one line', () => {
  test.each<[string, unknown, string]>([
    ['an error', new Error('broken'), 'broken'],
    [
      'an error with a cause',
      new Error('outer', { cause: new Error('inner', { cause: 'root' }) }),
      'outer (inner (root))',
    ],
    [
      'an error that quotes its cause',
      new Error('File: a: ENOENT.', { cause: new Error('ENOENT') }),
      'File: a: ENOENT.',
    ],
    [
      'an error that quotes its cause, which has one itself',
      new Error('outer: inner.', { cause: new Error('inner', { cause: 'root' }) }),
      'outer: inner. (root)',
    ],
    ['an error without a message', new TypeError(), 'TypeError'],
    ['a text', 'just text', 'just text'],
    ['nothing', undefined, 'undefined'],
  ])('when it is %s', (_, error, line) => {
    expect(describeError(error)).toBe(line);
  });
});
