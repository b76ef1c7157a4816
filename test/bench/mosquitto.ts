import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type RunningProcess, runProcess, startProcess } from '../fakes/processes.ts';
import type { Site } from './site.ts';

/**
 * Starts mosquitto with persistence, with the site's own gateway certificate and the same client certificates. A
 * subscriber with a durable session is away, so that every entry is kept, as a gateway keeps it.
 */
export async function startMosquitto(dir: string, site: Site, port: number): Promise<RunningProcess> {
  const trust = (name: string) => join(site.dataDir, 'trust', name);
  const storeDir = join(dir, 'mosquitto');
  mkdirSync(storeDir);
  const config = join(dir, 'mosquitto.conf');
  writeFileSync(
    config,
    [
      `listener ${port} 127.0.0.1`,
      `cafile ${trust('ca.pem')}`,
      `certfile ${trust('gateway.pem')}`,
      `keyfile ${trust('gateway.key.pem')}`,
      'tls_version tlsv1.3',
      'require_certificate true',
      'use_identity_as_username true',
      'persistence true',
      `persistence_location ${storeDir}/`,
      'max_queued_messages 0',
      'max_inflight_messages 0',
      'set_tcp_nodelay true',
      'user root',
      'log_type error',
      'log_type information',
      '',
    ].join('\n'),
  );
  const broker = await startProcess(['-c', config], { command: '/usr/sbin/mosquitto', stdin: 'ignore' });
  await broker.waitForOutput(/mosquitto version .* running/, 10_000);
  await subscribeAndLeave(site, port);
  return broker;
}

async function subscribeAndLeave(site: Site, port: number): Promise<void> {
  const [dir = ''] = site.credentialDirs;
  const tls = ['--cafile', join(dir, 'ca.pem'), '--cert', join(dir, 'cert.pem'), '--key', join(dir, 'key.pem')];
  const session = ['-c', '-i', 'store', '-q', '1', '-t', 'ravao/v1/kiosks/+/entries', '-E'];
  const { code, stderr } = await runProcess(['-h', '127.0.0.1', '-p', String(port), ...tls, ...session], {
    command: 'mosquitto_sub',
  });
  if (code !== 0) throw new Error(`mosquitto_sub failed: ${stderr}`);
}
