/** What a kiosk says to get into the gateway, for tests that speak to it in bytes. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { IConnectPacket } from 'mqtt-packet';

/** For TLS: the kiosk's certificate and key, and the authority that it trusts. @param dir the folder that `enrol` wrote. */
export function credentialsIn(dir: string): { readonly ca: Buffer; readonly cert: Buffer; readonly key: Buffer } {
  const read = (name: string) => readFileSync(join(dir, name));
  return { ca: read('ca.pem'), cert: read('cert.pem'), key: read('key.pem') };
}

/** The CONNECT packet of MQTT 3.1.1. @param keepalive in seconds. */
export function connectPacket(clientId: string, keepalive = 60): IConnectPacket {
  return { cmd: 'connect', protocolId: 'MQTT', protocolVersion: 4, clean: true, clientId, keepalive };
}
