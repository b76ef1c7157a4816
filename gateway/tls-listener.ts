/** The door: mutual TLS 1.3 on one port. Who comes in is who the certificate says, and nobody else comes in. */
import type { Socket } from 'node:net';
import { createServer, type SecureContextOptions, type TLSSocket } from 'node:tls';
import { describeError, Fault } from '../shared/fault.ts';
import type { Clock, Log } from '../shared/ports.ts';
import { kioskIdSchema } from '../shared/topics.ts';
import type { BrokerLimits } from './broker-limits.ts';
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
  const sockets = new Set<Socket>();
  const server = createServer({
    ...toContext(credentials),
    requestCert: true,
    rejectUnauthorized: true,
    handshakeTimeout: limits.handshakeTimeoutMs,
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: 60_000,
  });
  server.maxConnections = limits.connectionsMax;
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  server.on('secureConnection', (socket) => admit(socket, options));
  server.on('tlsClientError', (error, socket) => {
    const peer = socket.remoteAddress ?? 'unknown';
    // A certificate that was looked at and found wanting shows up as a mere reset; the reason stands on the socket.
    const reason = socket.authorizationError ?? describeError(error);
    sparse.write('warn', 'broker.handshake-failed', peer, { peer, reason: String(reason) });
    socket.destroy();
  });
  server.on('drop', (peer) => {
    const fields = { peer: peer?.remoteAddress, max: limits.connectionsMax };
    sparse.write('warn', 'broker.connections-full', '', fields);
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
    renew: (renewed) => server.setSecureContext(toContext(renewed)),
    stopListening: () => void server.close(),
    async [Symbol.asyncDispose]() {
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

function toContext({ caPem, certPem, keyPem }: GatewayCredentials): SecureContextOptions {
  return { ca: caPem, cert: certPem, key: keyPem, minVersion: 'TLSv1.3' };
}

function admit(socket: TLSSocket, { onKiosk, log }: TlsListenerOptions): void {
  const { subject } = socket.getPeerCertificate();
  const kiosk = kioskIdSchema.safeParse(subject?.CN);
  if (kiosk.success) {
    onKiosk(socket, kiosk.data);
    return;
  }
  log.warn('broker.identity-invalid', { peer: socket.remoteAddress });
  socket.on('error', () => undefined);
  socket.destroy();
}
