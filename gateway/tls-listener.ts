/** The door: mutual TLS 1.3 on one port. Who comes in is who the certificate says, and nobody else comes in. */
import { createServer } from 'node:net';
import { createServer as createTls, type SecureContextOptions, type TLSSocket } from 'node:tls';
import { describeError, Fault } from '../shared/fault.ts';
import type { Clock, Log } from '../shared/ports.ts';
import { kioskIdSchema } from '../shared/topics.ts';
import type { BrokerLimits } from './broker-limits.ts';
import { Handshakes } from './handshakes.ts';
import { SparseLog } from './sparse-log.ts';
import type { GatewayCredentials } from './trust/authority.ts';

export interface TlsListener extends AsyncDisposable {
  readonly port: number;
  /** Shows another certificate to whoever connects from now on; connections that stand are not touched. */
  renew(credentials: GatewayCredentials): void;
  /** Takes no new connections. */
  stopListening(): void;
}

export interface TlsListenerOptions {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  readonly credentials: GatewayCredentials;
  readonly onKiosk: (stream: TLSSocket, kiosk: string) => void;
  readonly limits: BrokerLimits;
  readonly clock: Clock;
  readonly log: Log;
}

/** The same trouble from the same peer is logged this often, in milliseconds: a scan of the network must not fill the disk. */
const repeatLogMs = 60_000;

/** Listens. Throws the Fault LISTEN_FAILED. */
export async function listenTls(options: TlsListenerOptions): Promise<TlsListener> {
  const { host, port, credentials, limits, log, clock } = options;
  const sparse = new SparseLog(clock, log, repeatLogMs);
  const kiosks = new Set<TLSSocket>();
  const tls = createTls({ ...toContext(credentials), requestCert: true, rejectUnauthorized: true });
  const handshakes = new Handshakes({
    limits,
    clock,
    begin: (socket) => tls.emit('connection', socket),
    onCrowded: (peer) => sparse.write('warn', 'broker.handshakes-full', peer, { peer, max: limits.handshakesMax }),
  });
  const server = createServer({ noDelay: true, keepAlive: true, keepAliveInitialDelay: 60_000 });
  server.on('connection', (socket) => handshakes.add(socket));
  tls.on('secureConnection', (socket) => {
    handshakes.finish(socket);
    admit(socket, kiosks, options, sparse);
  });
  tls.on('tlsClientError', (error, socket) => {
    const peer = socket.remoteAddress ?? 'unknown';
    // A certificate that was looked at and found wanting shows up as a mere reset; the reason stands on the socket.
    const reason = socket.authorizationError ?? describeError(error);
    sparse.write('warn', 'broker.handshake-failed', peer, { peer, reason: String(reason) });
    socket.destroy();
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => {
      reject(new Fault('LISTEN_FAILED', `${host}:${port}: ${describeError(error)}.`, { cause: error }));
    });
    server.listen(port, host, resolve);
  });
  server.removeAllListeners('error').on('error', (error) => {
    log.error('broker.listener-failed', { error: describeError(error) });
  });
  const closed = new Promise<void>((resolve) => server.once('close', resolve));
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : port,
    renew: (renewed) => tls.setSecureContext(toContext(renewed)),
    stopListening: () => void server.close(),
    async [Symbol.asyncDispose]() {
      server.close();
      handshakes.close();
      for (const socket of kiosks) socket.destroy();
      await closed;
    },
  };
}

function toContext({ caPem, certPem, keyPem }: GatewayCredentials): SecureContextOptions {
  return { ca: caPem, cert: certPem, key: keyPem, minVersion: 'TLSv1.3' };
}

function admit(socket: TLSSocket, kiosks: Set<TLSSocket>, options: TlsListenerOptions, sparse: SparseLog): void {
  const { onKiosk, limits } = options;
  const { subject } = socket.getPeerCertificate();
  const kiosk = kioskIdSchema.safeParse(subject?.CN);
  const peer = socket.remoteAddress;
  if (kiosk.success && kiosks.size < limits.connectionsMax) {
    kiosks.add(socket);
    socket.once('close', () => kiosks.delete(socket));
    onKiosk(socket, kiosk.data);
    return;
  }
  if (kiosk.success) sparse.write('warn', 'broker.connections-full', '', { peer, max: limits.connectionsMax });
  else sparse.write('warn', 'broker.identity-invalid', String(peer), { peer });
  socket.on('error', () => undefined);
  socket.destroy();
}
