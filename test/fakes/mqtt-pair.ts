import { type Duplex, duplexPair } from 'node:stream';
import { type IClientOptions, MqttClient } from 'mqtt';

/** A real MQTT client over an in-memory pair of streams; `serverEnd` is for the broker. */
export function mqttPair(options: IClientOptions = {}): { client: MqttClient; serverEnd: Duplex } {
  const [clientEnd, serverEnd] = duplexPair();
  const client = new MqttClient(() => clientEnd, { reconnectPeriod: 0, keepalive: 60, ...options });
  client.on('error', () => undefined);
  return { client, serverEnd };
}
