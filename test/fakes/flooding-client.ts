/**
 * A program: connects as a kiosk, optionally says CONNECT, then streams a packet of 150 MB until it is cut off.
 * Arguments: port, folder that `enrol` wrote, `connect` or `publish`.
 */
import { connect } from 'node:tls';
import mqttPacket from 'mqtt-packet';
import { gatewayServerName } from '../../shared/gateway-name.ts';
import { connectPacket, credentialsIn } from './kiosk-hello.ts';

const [port, folder = '', packet] = process.argv.slice(2);
const socket = connect({
  port: Number(port),
  host: '127.0.0.1',
  servername: gatewayServerName,
  ...credentialsIn(folder),
});
const chunk = Buffer.alloc(1024 * 1024, 0x61);
let sentMegabytes = 0;

function flood(): void {
  if (sentMegabytes >= 150) return void socket.end();
  sentMegabytes += 1;
  socket.write(chunk, flood);
}

/** A fixed header that announces 157,286,400 bytes [MQTT-2.2.3]. */
const announced = [0x80, 0x80, 0x80, 0x4b];
socket.on('error', () => undefined);
socket.once('secureConnect', () => {
  if (packet === 'connect') {
    socket.write(Uint8Array.of(0x10, ...announced));
    flood();
    return;
  }
  socket.write(mqttPacket.generate(connectPacket('x')));
  socket.once('data', () => {
    socket.write(Uint8Array.of(0x32, ...announced));
    flood();
  });
});
