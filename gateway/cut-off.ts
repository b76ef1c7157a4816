/** Tells a kiosk that it was cut off. MQTT has a word for it; a connection that is merely closed looks like a bad network. */
import type { TLSSocket } from 'node:tls';
import type { Clock } from '../shared/ports.ts';

/** CONNACK of MQTT 3.1.1 with return code 5, "not authorized" [MQTT-3.2.2-5]. */
const notAuthorized = Buffer.from([0x20, 0x02, 0x00, 0x05]);

/** How long one may take to ask to be let in, and to go, in milliseconds. */
export const goodbyeMs = 5_000;

/** So many are told at once; any more are closed without a word, and come again. */
export const toldMax = 16;

/** The connections of kiosks that are cut off, until they are told and gone. */
export class CutOff implements Disposable {
  readonly #clock: Clock;
  readonly #sockets = new Set<TLSSocket>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Takes a connection over, and answers the first that it says. [MQTT-3.2.0-1] */
  refuse(socket: TLSSocket): void {
    socket.on('error', () => undefined);
    if (this.#sockets.size >= toldMax) {
      socket.destroy();
      return;
    }
    this.#sockets.add(socket);
    const timer = this.#clock.after(goodbyeMs, () => socket.destroy());
    socket.once('data', () => socket.end(notAuthorized));
    socket.once('close', () => {
      timer[Symbol.dispose]();
      this.#sockets.delete(socket);
    });
  }

  [Symbol.dispose](): void {
    for (const socket of this.#sockets) socket.destroy();
  }
}
