/** The door: mutual TLS 1.3 on one port. Who comes in is who the certificate says, and nobody else comes in. */
import { createServer } from 'node:net';
import { createServer as createTls, type SecureContextOptions, type TLSSocket } from 'node:tls';
import { describeError, Fault } from '../shared/fault.ts';
import type { Clock, Log } from '../shared/ports.ts';
import { kioskIdSchema } from '../shared/topics.ts';
import type { BrokerLimits } from './broker-limits.ts';
import { CutOff } from './cut-off.ts';
import { Handshakes } from './handshakes.ts';
import { SparseLog } from './sparse-log.ts';
import type { GatewayCredentials } from './trust/authority.ts';
import type { Revocations } from './trust/revocations.ts';

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
  /** Whose certificates are cut off, also when they are here already. */
  readonly revocations?: Revocations;
  readonly onKiosk: (stream: TLSSocket, kiosk: string) => void;
  /** Hears who came in, by the certificate of which serial number. */
  readonly onAdmitted?: (kiosk: string, serial: string) => void;
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
  const kiosks: Kiosks = new Map();
  const cutOff = new CutOff(clock);
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
    admit(socket, kiosks, cutOff, options, sparse);
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
  options.revocations?.onGrowth(() => dropRevoked(kiosks, options));
  const closed = new Promise<void>((resolve) => server.once('close', resolve));
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : port,
    renew: (renewed) => tls.setSecureContext(toContext(renewed)),
    stopListening: () => void server.close(),
    async [Symbol.asyncDispose]() {
      server.close();
      handshakes.close();
      cutOff[Symbol.dispose]();
      for (const socket of kiosks.keys()) socket.destroy();
      await closed;
    },
  };
}

function toContext({ caPem, certPem, keyPem }: GatewayCredentials): SecureContextOptions {
  return { ca: caPem, cert: certPem, key: keyPem, minVersion: 'TLSv1.3' };
}

/** The connections of those who came in, and the certificate by which they did. */
type Kiosks = Map<TLSSocket, { readonly kiosk: string; readonly serial: string }>;

function dropRevoked(kiosks: Kiosks, { revocations, log }: TlsListenerOptions): void {
  for (const [socket, { kiosk, serial }] of kiosks) {
    if (revocations?.has(serial) !== true) continue;
    log.warn('broker.revoked', { kiosk, serial });
    socket.destroy();
  }
}

function admit(
  socket: TLSSocket,
  kiosks: Kiosks,
  cutOff: CutOff,
  options: TlsListenerOptions,
  sparse: SparseLog,
): void {
  const { onKiosk, limits, revocations } = options;
  const { subject, serialNumber: serial } = socket.getPeerCertificate();
  const kiosk = kioskIdSchema.safeParse(subject?.CN);
  const peer = socket.remoteAddress;
  const isRevoked = kiosk.success && revocations?.has(serial) === true;
  if (kiosk.success && !isRevoked && kiosks.size < limits.connectionsMax) {
    kiosks.set(socket, { kiosk: kiosk.data, serial });
    socket.once('close', () => kiosks.delete(socket));
    onKiosk(socket, kiosk.data);
    options.onAdmitted?.(kiosk.data, serial);
    return;
  }
  if (isRevoked) {
    sparse.write('warn', 'broker.revoked', kiosk.data, { kiosk: kiosk.data, serial, peer });
    cutOff.refuse(socket);
    return;
  }
  if (kiosk.success) sparse.write('warn', 'broker.connections-full', '', { peer, max: limits.connectionsMax });
  else sparse.write('warn', 'broker.identity-invalid', String(peer), { peer });
  socket.on('error', () => undefined);
  socket.destroy();
}
