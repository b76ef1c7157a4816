/** Kiosks that publish with the client library that the real ones use. */
import type { TLSSocket } from 'node:tls';
import { MqttClient } from 'mqtt';
import { entriesTopic } from '../../shared/topics.ts';

/** One kiosk with its entries; keeps a fixed number of them in flight until all are acknowledged. */
export class KioskClient {
  readonly #client: MqttClient;
  readonly #topic: string;
  readonly #bodies: readonly string[];
  readonly #done = Promise.withResolvers<void>();
  #sent = 0;
  #acknowledged = 0;

  private constructor(client: MqttClient, kiosk: string, bodies: readonly string[]) {
    this.#client = client;
    this.#topic = entriesTopic(kiosk);
    this.#bodies = bodies;
    client.on('close', () => {
      if (this.#acknowledged < bodies.length) this.#done.reject(new Error('the broker closed a connection under load'));
    });
  }

  /** Connects over a stream that is open. */
  static async connect(stream: TLSSocket, kiosk: string, bodies: readonly string[]): Promise<KioskClient> {
    const options = { clientId: kiosk, clean: true, keepalive: 60, reconnectPeriod: 0, protocolVersion: 4 } as const;
    const client = new MqttClient(() => stream, options);
    await new Promise<void>((resolve, reject) => {
      client.once('connect', () => resolve());
      client.once('error', reject);
    });
    return new KioskClient(client, kiosk, bodies);
  }

  /** Resolves when every entry is acknowledged. */
  async run(inFlight: number): Promise<void> {
    for (let slot = 0; slot < inFlight; slot++) this.#next();
    await this.#done.promise;
  }

  end(): void {
    this.#client.end(true);
  }

  #next(): void {
    const body = this.#bodies[this.#sent++];
    if (body === undefined) return;
    this.#client.publish(this.#topic, body, { qos: 1 }, (error) => {
      if (error) return this.#done.reject(error);
      if (++this.#acknowledged === this.#bodies.length) this.#done.resolve();
      else this.#next();
    });
  }
}
