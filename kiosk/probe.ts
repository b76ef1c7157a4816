/** Finds out whether a gateway lets this kiosk in: one connection of its own, as far as the CONNACK, and a goodbye. */
import type { TLSSocket } from 'node:tls';
import { describeError } from '../shared/fault.ts';
import type { Clock } from '../shared/ports.ts';
import { within } from '../shared/time.ts';

/** What became of a probe. */
export type Probe =
  | { readonly outcome: 'accepted' }
  /** `refused`: a gateway that the credentials fit answered, and did not let the kiosk in. `unreachable`: it never came to that. */
  | { readonly outcome: 'refused' | 'unreachable'; readonly reason: string };

/** How long a probe may take, in milliseconds. */
export const probeTimeoutMs = 8_000;

/** A CONNECT of MQTT 3.1.1: clean session, keep-alive of 30 s, no will, a client id of its own [MQTT-3.1]. */
function connectPacket(): Buffer {
  const id = Buffer.from('probe');
  const rest = Buffer.from([0, 4, 0x4d, 0x51, 0x54, 0x54, 4, 2, 0, 30, 0, id.length, ...id]);
  return Buffer.from([0x10, rest.length, ...rest]);
}

const disconnectPacket = Buffer.from([0xe0, 0]);

/** A CONNACK that accepts [MQTT-3.2]. */
const accepted = Buffer.from([0x20, 2, 0, 0]);

/** @param open dials with the credentials in question. Never rejects. */
export async function probeGateway(open: () => TLSSocket, clock: Clock): Promise<Probe> {
  let socket: TLSSocket | null = null;
  let isSecure = false;
  const probed = new Promise<Probe>((resolve) => {
    const fail = (reason: string) => resolve({ outcome: isSecure ? 'refused' : 'unreachable', reason });
    try {
      socket = open();
    } catch (error) {
      return fail(describeError(error));
    }
    const heard: Buffer[] = [];
    socket.once('secureConnect', () => {
      isSecure = true;
      socket?.write(connectPacket());
    });
    socket.on('data', (chunk: Buffer) => {
      heard.push(chunk);
      const bytes = Buffer.concat(heard);
      if (bytes.length < accepted.length) return;
      if (bytes.subarray(0, accepted.length).equals(accepted)) resolve({ outcome: 'accepted' });
      else fail('the gateway refused the connection');
    });
    socket.on('error', (error) => fail(describeError(error)));
    socket.once('close', () => fail('the gateway closed the connection'));
  });
  const timed = await within(clock, probeTimeoutMs, probed);
  hangUp(socket, timed.inTime && timed.value.outcome === 'accepted');
  return timed.inTime ? timed.value : { outcome: 'unreachable', reason: 'no answer in time' };
}

function hangUp(socket: TLSSocket | null, isConnected: boolean): void {
  if (isConnected) socket?.write(disconnectPacket);
  socket?.destroySoon();
}
