import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readGatewayConfig, readSiteConfig } from '../../../gateway/config.ts';
import type { Fault } from '../../../shared/fault.ts';

describe("a gateway's configuration", () => {
  it('needs nothing: it serves this machine and forwards to a file beside the store', () => {
    expect(readGatewayConfig({ RAVAO_DATA_DIR: '/var/lib/ravao' })).toEqual({
      dataDir: '/var/lib/ravao',
      site: 'ravao',
      logLevel: 'info',
      host: '127.0.0.1',
      port: 8883,
      enrolPort: 8884,
      mdns: 'auto',
      upstreams: [
        { type: 'file', name: 'file:./upstream.ndjson', path: '/var/lib/ravao/upstream.ndjson', inBase: true },
      ],
      upstreamToken: null,
      upstreamTls: { ca: null, cert: null, key: null },
    });
  });

  it('takes several upstreams, separated by spaces', () => {
    const { upstreams } = readGatewayConfig({
      RAVAO_UPSTREAM_URL: ' https://a.example/entries  file:///media/usb/b.ndjson ',
    });
    expect(upstreams.map(({ name }) => name)).toEqual(['https://a.example/entries', 'file:///media/usb/b.ndjson']);
  });

  it('takes a relative file from where the gateway is started, as a shell would', () => {
    const [upstream] = readGatewayConfig({ RAVAO_UPSTREAM_URL: 'file:./out.ndjson' }).upstreams;
    expect(upstream).toMatchObject({ type: 'file', path: join(process.cwd(), 'out.ndjson'), inBase: false });
  });

  it('lists every problem at once, each with its variable', () => {
    const read = () =>
      readGatewayConfig({
        RAVAO_MQTT_PORT: '70000',
        RAVAO_LOG_LEVEL: 'loud',
        RAVAO_SITE: 'x'.repeat(201),
      });
    expect(read).toThrow(/\n {2}RAVAO_SITE .*\n {2}RAVAO_LOG_LEVEL .*\n {2}RAVAO_MQTT_PORT /s);
  });

  it('lists the problems of each upstream, without a secret that stands in one', () => {
    try {
      readGatewayConfig({ RAVAO_UPSTREAM_URL: 'http://far.example/x https://me:secret@a.example/ ftp://b.example' });
      expect.unreachable();
    } catch (error) {
      const { code, message } = error as Fault;
      expect(code).toBe('CONFIG_INVALID');
      expect(message.match(/\n {2}RAVAO_UPSTREAM_URL /g)).toHaveLength(3);
      expect(message).not.toContain('secret@');
    }
  });

  it('is not asked for what only serving needs by the other commands', () => {
    expect(readSiteConfig({ RAVAO_MQTT_PORT: 'nonsense' })).toEqual({
      dataDir: './data/gateway',
      site: 'ravao',
      siteKind: null,
      logLevel: 'info',
    });
  });

  it('knows the kinds of places that reports name', () => {
    expect(readSiteConfig({ RAVAO_SITE_KIND: 'school' })).toMatchObject({ siteKind: 'school' });
    expect(() => readSiteConfig({ RAVAO_SITE_KIND: 'castle' })).toThrow(
      /RAVAO_SITE_KIND must be one of office factory/,
    );
  });
});
