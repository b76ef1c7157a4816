import { readFileSync } from 'node:fs';
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

test.each<FaultCode>([
  'AUDIT_WRITE_FAILED',
  'BACKUP_FAILED',
  'DATA_DIR_UNUSABLE',
  'ENROL_FAILED',
  'INCIDENT_FAILED',
  'KEY_FILE_UNWRITTEN',
  'OUTBOX_FULL',
  'OUTBOX_WRITE_FAILED',
  'PRINT_FAILED',
  'REGISTER_READ_FAILED',
  'REGISTER_WRITE_FAILED',
  'REPORT_FAILED',
  'RULES_WRITE_FAILED',
  'STORE_READ_FAILED',
  'STORE_WRITE_FAILED',
  'UNSEAL_FAILED',
])('%s, which a full disk gives, says that room may be what is missing', (code) => {
  expect(faultCatalogue[code].remedy).toMatch(/free space|free disk space|has room/);
});

test('the page of the faults says of each what the program says', () => {
  const page = readFileSync('shared/README.md', 'utf8').replaceAll('`', '');
  const rows = Object.entries(faultCatalogue).map(
    ([code, { meaning, remedy, retryable }]) => `| ${code} | ${meaning} | ${remedy} | ${retryable ? 'yes' : 'no'} |`,
  );
  expect(rows.filter((row) => !page.includes(row.replaceAll('`', '')))).toEqual([]);
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
