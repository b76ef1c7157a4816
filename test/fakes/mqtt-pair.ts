import { type Duplex, duplexPair } from 'node:stream';
import { type IClientOptions, MqttClient } from 'mqtt';

/** Two ends of a connection in memory: when one closes, so does the other, as with TCP. */
export function connectionPair(): [Duplex, Duplex] {
  const [one, other] = duplexPair();
  one.once('close', () => other.destroy());
  other.once('close', () => one.destroy());
  return [one, other];
}

/** A real MQTT client over a connection in memory; `serverEnd` is for the broker. */
export function mqttPair(options: IClientOptions = {}): { client: MqttClient; serverEnd: Duplex } {
  const [clientEnd, serverEnd] = connectionPair();
  const client = new MqttClient(() => clientEnd, { reconnectPeriod: 0, keepalive: 60, ...options });
  client.on('error', () => undefined);
  return { client, serverEnd };
}
