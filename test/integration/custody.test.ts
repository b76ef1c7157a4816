import { createServer, type Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { startProcess } from '../fakes/processes.ts';
import { idCard, SiteFolder, startDeadlineMs } from '../fakes/site.ts';

describe('an entry', () => {
  it('is there once when the gateway is killed between its commit and the PUBACK', async () => {
    using folder = new SiteFolder();
    await folder.enrol('gate-a');
    await using dying = await startProcess(['test/fakes/dying-gateway.ts'], {
      env: folder.gatewayEnv(),
      stdin: 'ignore',
    });
    const port = Number((await dying.waitForLog('gateway.ready', startDeadlineMs)).port);
    await using kiosk = await folder.startKiosk('gate-a', port);
    await kiosk.waitForLog('link.connected', startDeadlineMs);
    kiosk.write(`${idCard(1)}\n`);
    expect(await dying.exited).toEqual({ code: null, signal: 'SIGKILL' });
    expect(await folder.entries()).toHaveLength(1);

    const { gateway } = await folder.startGateway({ RAVAO_MQTT_PORT: String(port) });
    await using _ = gateway;
    kiosk.write(`${idCard(2)}\n`);
    const entries = await folder.waitForEntries(2);
    expect(entries.map(({ seq }) => seq)).toEqual([1, 2]);
    // The kiosk has forgotten both: it starts with nothing unsent.
    expect((await kiosk.kill('SIGTERM')).code).toBe(0);
    expect(kiosk.logs.at(-1)).toMatchObject({ event: 'kiosk.stopped', unsent: 0 });
    expect((await folder.check()).code).toBe(0);
  });

  it('is there once when the kiosk is killed between its commit and the publishing', async () => {
    using folder = new SiteFolder();
    await folder.enrol('gate-a');
    const { gateway, port } = await folder.startGateway();
    await using _ = gateway;
    {
      await using dying = await startProcess(['test/fakes/dying-kiosk.ts'], { env: folder.kioskEnv('gate-a', port) });
      await dying.waitForLog('link.connected', startDeadlineMs);
      dying.write(`${idCard(1)}\n`);
      expect(await dying.exited).toEqual({ code: null, signal: 'SIGKILL' });
    }
    expect(await folder.entries()).toEqual([]);
    await using kiosk = await folder.startKiosk('gate-a', port);
    expect(await kiosk.waitForLog('kiosk.ready', startDeadlineMs)).toMatchObject({ unsent: 1 });
    kiosk.write(`${idCard(2)}\n`);
    const entries = await folder.waitForEntries(2);
    expect(entries.map(({ seq }) => seq)).toEqual([1, 2]);
    expect(new Set(entries.map(({ id }) => id)).size).toBe(2);
    expect((await folder.check()).code).toBe(0);
  });

  it('arrives whatever the order in which gateway and kiosk start, stop and fall', async () => {
    using folder = new SiteFolder();
    await folder.enrol('gate-a');
    const first = await folder.startGateway();
    const { port } = first;
    await first.gateway.kill('SIGTERM');

    // The kiosk starts without a gateway and admits all the same.
    await using kiosk = await folder.startKiosk('gate-a', port);
    kiosk.write(`${idCard(1)}\n`);
    await kiosk.waitForLog('scan.recorded', startDeadlineMs);
    const restart = async () => (await folder.startGateway({ RAVAO_MQTT_PORT: String(port) })).gateway;
    let scanned = 1;
    for (const signal of ['SIGKILL', 'SIGTERM', 'SIGKILL'] as const) {
      await using gateway = await restart();
      await folder.waitForEntries(scanned);
      await gateway.kill(signal);
      kiosk.write(`${idCard(++scanned)}\n`);
      await kiosk.waitForLog('scan.recorded', startDeadlineMs, { matches: ({ seq }) => seq === scanned });
    }
    await using _ = await restart();
    expect((await folder.waitForEntries(scanned)).map(({ seq }) => seq)).toEqual([1, 2, 3, 4]);
  });

  it('is admitted and kept while the gateway takes connections and says nothing, and sent when it speaks again', async () => {
    using folder = new SiteFolder();
    await folder.enrol('gate-a');
    const sockets = new Set<Socket>();
    const silent = createServer((socket) => sockets.add(socket.on('error', () => {})));
    const port = await new Promise<number>((resolve) => {
      silent.listen(0, '127.0.0.1', () => resolve((silent.address() as { port: number }).port));
    });
    await using kiosk = await folder.startKiosk('gate-a', port);
    kiosk.write(`${idCard(1)}\n`);
    await kiosk.waitForLog('scan.recorded', startDeadlineMs);
    expect(await kiosk.waitForLog('link.retry', startDeadlineMs)).toMatchObject({
      reason: expect.stringMatching(/in time/),
    });
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => silent.close(resolve));
    const { gateway } = await folder.startGateway({ RAVAO_MQTT_PORT: String(port) });
    await using _ = gateway;
    await kiosk.waitForLog('link.connected', startDeadlineMs);
    expect(await folder.waitForEntries(1)).toHaveLength(1);
  });
});

describe('SIGTERM under load', () => {
  it('ends kiosk and gateway within 5 s with 0, and nothing that was admitted is lost', async () => {
    using folder = new SiteFolder();
    await folder.enrol('gate-a');
    const { gateway, port } = await folder.startGateway();
    await using _gateway = gateway;
    await using kiosk = await folder.startKiosk('gate-a', port);
    await kiosk.waitForLog('link.connected', startDeadlineMs);
    kiosk.write(Array.from({ length: 3000 }, (_, n) => `${idCard(n)}\n`).join(''));
    await kiosk.waitForLog('scan.recorded', startDeadlineMs, { matches: ({ seq }) => seq === 200 });
    const startedMs = performance.now();
    const [kioskExit, gatewayExit] = await Promise.all([kiosk.kill('SIGTERM'), gateway.kill('SIGTERM')]);
    expect(performance.now() - startedMs).toBeLessThan(5000);
    expect([kioskExit.code, gatewayExit.code]).toEqual([0, 0]);
    const admitted = kiosk.logs.filter(({ event }) => event === 'scan.recorded').map(({ id }) => id);

    const again = await folder.startGateway({ RAVAO_MQTT_PORT: String(port) });
    await using _again = again.gateway;
    await using _kiosk = await folder.startKiosk('gate-a', port);
    const entries = await folder.waitForEntries(admitted.length);
    expect(entries.map(({ id }) => id)).toEqual(admitted);
    expect((await folder.check()).code).toBe(0);
  });
});
