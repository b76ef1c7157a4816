import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { entriesTopic } from '../../shared/topics.ts';
import { makeEntry } from '../fakes/entries.ts';
import { runProcess } from '../fakes/processes.ts';
import { SiteFolder } from '../fakes/site.ts';

/** Publishes with the mosquitto project's client, which knows nothing of us, and an enrolled certificate. */
function publish(folder: SiteFolder, port: number, payload: Uint8Array) {
  const credentials = folder.credentialsDir('gate-a');
  const pem = (name: string) => join(credentials, name);
  const files = ['--cafile', pem('ca.pem'), '--cert', pem('cert.pem'), '--key', pem('key.pem')];
  const message = ['-q', '1', '-t', entriesTopic('gate-a'), '-m', Buffer.from(payload).toString()];
  return runProcess(['-h', '127.0.0.1', '-p', String(port), ...files, ...message], { command: 'mosquitto_pub' });
}

describe('an entry that mosquitto_pub publishes at QoS 1', () => {
  it('is stored when mosquitto_pub exits 0, whatever happens to the gateway then', async () => {
    using folder = new SiteFolder();
    await folder.enrol('gate-a');
    const { gateway, port } = await folder.startGateway();
    await using _ = gateway;
    const { entry, payload } = makeEntry(1);
    expect(await publish(folder, port, payload)).toMatchObject({ code: 0 });
    expect(await gateway.kill('SIGKILL')).toEqual({ code: null, signal: 'SIGKILL' });
    expect(await folder.entries()).toEqual([entry]);
  });

  it('is quarantined with its bytes when it is no entry, and acknowledged', async () => {
    using folder = new SiteFolder();
    await folder.enrol('gate-a');
    const { gateway, port } = await folder.startGateway();
    await using _ = gateway;
    const foreign = makeEntry(1, { kiosk: 'gate-b' });
    const future = Buffer.from('{"v":2,"surprise":true}');
    for (const payload of [foreign.payload, future, Buffer.from('no JSON')]) {
      expect(await publish(folder, port, payload)).toMatchObject({ code: 0 });
    }
    const kept = await folder.quarantine();
    expect(kept.map(({ reason, kiosk }) => [reason, kiosk])).toEqual([
      ['kiosk-mismatch', 'gate-a'],
      ['version', 'gate-a'],
      ['not-json', 'gate-a'],
    ]);
    expect(Buffer.from(kept[0]?.raw ?? '', 'base64')).toEqual(Buffer.from(foreign.payload));
    expect(await folder.entries()).toEqual([]);
  });
});
