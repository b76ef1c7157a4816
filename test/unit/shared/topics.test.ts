import { describe, expect, test } from 'vitest';
import {
  answerTopic,
  askTopic,
  entriesTopic,
  kioskIdSchema,
  listChunkTopic,
  mayPublish,
  maySubscribe,
  ordersTopic,
  presenceTopic,
  readAskTopic,
  rulesTopic,
  siteTopic,
  stateTopic,
} from '../../../shared/topics.ts';

test('the topics are those of the design', () => {
  expect(entriesTopic('gate-a')).toBe('ravao/v1/kiosks/gate-a/entries');
  expect(stateTopic('gate-a')).toBe('ravao/v1/kiosks/gate-a/state');
  expect(rulesTopic('gate-a')).toBe('ravao/v1/kiosks/gate-a/rules');
  expect(askTopic('gate-a', 'renew', '1')).toBe('ravao/v1/kiosks/gate-a/ask/renew/1');
  expect(answerTopic('gate-a', 'renew', '1')).toBe('ravao/v1/kiosks/gate-a/answer/renew/1');
  expect(ordersTopic('gate-a')).toBe('ravao/v1/kiosks/gate-a/orders');
  expect(siteTopic).toBe('ravao/v1/site');
  expect(listChunkTopic('revoked', 12)).toBe('ravao/v1/site/lists/revoked/12');
});

describe('the id of a kiosk', () => {
  test.each(['a', '1', 'gate-a', 'cong-1', 'a--b', 'x'.repeat(63)])('may be %s', (id) => {
    expect(kioskIdSchema.safeParse(id).success).toBe(true);
  });

  test.each([
    '',
    '-a',
    'a-',
    'Gate',
    'cổng',
    'a b',
    'a/b',
    'a.b',
    '..',
    '+',
    '#',
    '$sys',
    'a\n',
    'a\0',
    'x'.repeat(64),
  ])('may not be %j', (id) => {
    expect(kioskIdSchema.safeParse(id).success).toBe(false);
  });
});

describe('a kiosk', () => {
  test.each([entriesTopic('gate-a'), stateTopic('gate-a'), askTopic('gate-a', 'renew', '1')])(
    'may publish on %s',
    (topic) => {
      expect(mayPublish('gate-a', topic)).toBe(true);
    },
  );

  test.each([
    entriesTopic('gate-b'),
    stateTopic('gate-ab'),
    rulesTopic('gate-a'),
    siteTopic,
    listChunkTopic('revoked', 0),
    presenceTopic,
    askTopic('gate-b', 'renew', '1'),
    askTopic('gate-a', 'renew', ''),
    askTopic('gate-a', 'Renew', '1'),
    askTopic('gate-a', 'renew', 'x'.repeat(17)),
    `${askTopic('gate-a', 'renew', '1')}/x`,
    `${askTopic('gate-a', 'renew', '1')}\n`,
    answerTopic('gate-a', 'renew', '1'),
    ordersTopic('gate-a'),
    'ravao/v1/kiosks/gate-a',
    'ravao/v1/kiosks/gate-a/entries/',
    'ravao/v1/kiosks/gate-a/entries/x',
    '$SYS/broker/version',
    '',
  ])('may not publish on %j', (topic) => {
    expect(mayPublish('gate-a', topic)).toBe(false);
  });

  test.each([
    siteTopic,
    rulesTopic('gate-a'),
    ordersTopic('gate-a'),
    stateTopic('gate-a'),
    'ravao/v1/kiosks/gate-a/#',
    answerTopic('gate-a', 'renew', '+'),
    listChunkTopic('revoked', 0),
    listChunkTopic('expected-today', 9_999_999),
    presenceTopic,
  ])('may subscribe to %s', (filter) => {
    expect(maySubscribe('gate-a', filter)).toBe(true);
  });

  test.each([
    '#',
    '+',
    'ravao/#',
    'ravao/v1/+',
    'ravao/v1/kiosks/#',
    'ravao/v1/kiosks/+/rules',
    'ravao/v1/kiosks/gate-b/rules',
    'ravao/v1/kiosks/gate-ab/rules',
    answerTopic('gate-b', 'renew', '+'),
    ordersTopic('gate-b'),
    answerTopic('+', 'renew', '1'),
    'ravao/v1/site/#',
    'ravao/v1/site/lists/+/0',
    'ravao/v1/site/lists/revoked/#',
    'ravao/v1/site/lists/revoked/+',
    'ravao/v1/site/lists/revoked/01',
    'ravao/v1/site/lists/revoked/10000000',
    'ravao/v1/site/lists/revoked/0\n',
    'ravao/v1/site/lists/revoked',
    '$SYS/#',
    '$share/group/ravao/v1/kiosks/gate-b/entries',
    '',
  ])('may not subscribe to %j', (filter) => {
    expect(maySubscribe('gate-a', filter)).toBe(false);
  });
});

test('a topic says which question is asked, and under which id', () => {
  expect(readAskTopic('gate-a', askTopic('gate-a', 'next-card', 'x1'))).toEqual({ question: 'next-card', id: 'x1' });
  expect(readAskTopic('gate-a', askTopic('gate-ab', 'renew', '1'))).toBeNull();
  expect(readAskTopic('gate-a', entriesTopic('gate-a'))).toBeNull();
});
