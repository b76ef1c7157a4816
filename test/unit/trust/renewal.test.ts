import { describe, expect, it } from 'vitest';
import type { GatewayCredentials } from '../../../gateway/trust/authority.ts';
import { keepRenewed, lookEveryMs } from '../../../gateway/trust/renewal.ts';
import { Fault } from '../../../shared/fault.ts';
import { RecordingLog } from '../../fakes/recording-log.ts';
import { VirtualClock } from '../../fakes/virtual-clock.ts';

const first: GatewayCredentials = { caPem: 'ca', certPem: 'first', keyPem: 'key' };
const second: GatewayCredentials = { ...first, certPem: 'second' };

function setUp(answers: (GatewayCredentials | Error)[]) {
  const clock = new VirtualClock();
  const log = new RecordingLog();
  const renewed: string[] = [];
  const asked: string[] = [];
  const keeper = keepRenewed({
    trust: {
      async gatewayCredentials(listenHost) {
        asked.push(listenHost);
        const answer = answers.shift() ?? first;
        if (answer instanceof Error) throw answer;
        return answer;
      },
    },
    listenHost: '127.0.0.1',
    current: first,
    onRenewed: (credentials) => void renewed.push(credentials.certPem),
    clock,
    log,
  });
  return { clock, log, renewed, asked, keeper };
}

describe('keepRenewed', () => {
  it('hands over a certificate once, when it has changed', async () => {
    const { clock, renewed, asked, keeper } = setUp([first, second, second]);
    await clock.advance(3 * lookEveryMs);
    expect(asked).toHaveLength(3);
    expect(renewed).toEqual(['second']);
    await keeper[Symbol.asyncDispose]();
  });

  it('logs a failure and tries again at the next look', async () => {
    const { clock, log, renewed, keeper } = setUp([new Fault('DATA_DIR_UNUSABLE', '/x: full.'), second]);
    await clock.advance(2 * lookEveryMs);
    expect(log.events).toEqual(['trust.renewal-failed']);
    expect(renewed).toEqual(['second']);
    await keeper[Symbol.asyncDispose]();
  });

  it('stops when disposed, also twice, and leaves no timer', async () => {
    const { clock, asked, keeper } = setUp([]);
    await clock.advance(1);
    await keeper[Symbol.asyncDispose]();
    await keeper[Symbol.asyncDispose]();
    expect(clock.timers).toBe(0);
    await clock.advance(lookEveryMs * 3);
    expect(asked).toEqual([]);
  });
});
