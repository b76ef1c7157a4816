import { beforeEach, describe, expect, it } from 'vitest';
import { Asking } from '../../../kiosk/asking.ts';
import { answerBytesMax } from '../../../shared/questions.ts';
import { RecordingLog } from '../../fakes/recording-log.ts';
import { VirtualClock } from '../../fakes/virtual-clock.ts';

let published: string[];
let asking: Asking;

beforeEach(() => {
  published = [];
  asking = new Asking({
    ...{ kiosk: 'gate-a', clock: new VirtualClock(), log: new RecordingLog(), timeoutMs: 1_000 },
    publish: (topic) => published.push(topic),
  });
});

const question = Buffer.from('?');
const answerTo = (topic = '') => topic.replace('/ask/', '/answer/');

describe('two questions at once', () => {
  it('are each asked once, and each is given its own answer', async () => {
    const first = asking.ask('one', question);
    asking.noticed(['one', 'two']);
    const second = asking.ask('two', question);
    expect(published).toEqual([
      expect.stringMatching(/^ravao\/v1\/kiosks\/gate-a\/ask\/one\//),
      expect.stringMatching(/^ravao\/v1\/kiosks\/gate-a\/ask\/two\//),
    ]);
    expect(asking.heard(answerTo(published[1]), Buffer.from('2'))).toBe(true);
    expect(asking.heard(answerTo(published[0]), Buffer.from('1'))).toBe(true);
    expect([await first, await second]).toEqual([Buffer.from('1'), Buffer.from('2')]);
    expect(asking.heard(answerTo(published[0]), Buffer.from('1'))).toBe(false);
  });
});

describe('an answer that is too long', () => {
  it('is none', async () => {
    asking.noticed(['one']);
    const answer = asking.ask('one', question);
    asking.heard(answerTo(published[0]), Buffer.alloc(answerBytesMax + 1));
    expect(await answer).toBeNull();
  });
});
