import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { startBroker } from '../../gateway/broker.ts';
import { openTrust } from '../../gateway/trust/authority.ts';
import { readCredentials } from '../../kiosk/credentials.ts';
import { dialTls } from '../../kiosk/dial.ts';
import { createLink } from '../../kiosk/link.ts';
import { openOutbox } from '../../kiosk/outbox.ts';
import { systemChance as chance } from '../../shared/system/chance.ts';
import { systemClock as clock } from '../../shared/system/clock.ts';
import { RecordingLog } from '../fakes/recording-log.ts';
import { until } from '../fakes/until.ts';

it('a kiosk asks its gateway over TLS, and is answered by the name in its certificate', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'ravao-asking-'));
  const log = new RecordingLog();
  await using parts = new AsyncDisposableStack();
  parts.defer(() => rmSync(dir, { recursive: true }));
  const trust = await openTrust(join(dir, 'trust'), { site: 'Nhà máy A', clock, log });
  await trust.enrol('gate-a', join(dir, 'gate-a'));
  const broker = parts.use(
    await startBroker({
      host: '127.0.0.1',
      port: 0,
      credentials: await trust.gatewayCredentials('127.0.0.1'),
      accept: async () => undefined,
      onState: () => undefined,
      siteNotice: trust.notice,
      answers: { who: async (kiosk, payload) => Buffer.from(`${kiosk}, who said ${Buffer.from(payload)}`) },
      clock,
      log,
    }),
  );
  const outbox = parts.use(openOutbox({ dir: join(dir, 'kiosk'), kiosk: 'gate-a', clock, chance, log }));
  const credentials = await readCredentials(join(dir, 'gate-a'));
  let isOnline = false;
  const link = parts.use(
    createLink({
      ...{ outbox, kiosk: 'gate-a', clock, chance, log },
      dial: dialTls({ host: '127.0.0.1', port: broker.port, ...credentials }),
      state: () => ({}),
      onStatus: (status) => {
        isOnline = status === 'online';
      },
    }),
  );
  void link.run(new AbortController().signal);
  await until(
    () => 'the connection',
    20_000,
    () => isOnline,
  );
  const answer = await link.ask('who', Buffer.from('who am I?'));
  expect(String(answer && Buffer.from(answer))).toBe('gate-a, who said who am I?');
});
