/**
 * The door for kiosks that have no certificate yet: TLS 1.3 on a port of its own, one small request, one answer, and the
 * end. Whoever knows an open invitation's secret is given what the invitation says; strangers learn nothing and are
 * bounded as at the other door (`handshakes.ts`), for as long as they are connected.
 */
import { createPublicKey, type KeyObject, verify } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer as createHttps, type ServerOptions } from 'node:https';
import { createServer } from 'node:net';
import type { TLSSocket } from 'node:tls';
import {
  type EnrolmentAnswer,
  type EnrolmentRefusal,
  type EnrolmentRequest,
  enrolmentPath,
  enrolmentRequestSchema,
  proofBytes,
  proofLabel,
  requestBytesMax,
} from '../../shared/enrolment.ts';
import { describeError, Fault } from '../../shared/fault.ts';
import type { Clock, Log } from '../../shared/ports.ts';
import { type BrokerLimits, brokerLimits } from '../broker-limits.ts';
import { Handshakes } from '../handshakes.ts';
import { SparseLog } from '../sparse-log.ts';
import type { GatewayCredentials, Trust } from '../trust/authority.ts';
import { sayKeys } from '../trust/grant.ts';
import type { Invitations } from './invitations.ts';

/**
 * What strangers may take here at once. Nobody has proved anything before the answer is written, so a connection counts
 * as a handshake from its first packet to its last.
 */
export const enrolmentLimits: BrokerLimits = {
  ...brokerLimits,
  handshakesMax: 32,
  handshakesPerAddressMax: 8,
  handshakesBegunMax: 8,
  handshakePatienceMs: 2_000,
};

const headerBytesMax = 4_096;

/** The same trouble from the same peer is logged this often, in milliseconds. */
const repeatLogMs = 60_000;

export interface EnrolmentService extends AsyncDisposable {
  readonly port: number;
  /** Shows another certificate to whoever connects from now on. */
  renew(credentials: GatewayCredentials): void;
}

export interface EnrolmentOptions {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  /** Where kiosks send their entries. */
  readonly mqttPort: number;
  readonly credentials: GatewayCredentials;
  readonly trust: Pick<Trust, 'grant' | 'certify'>;
  readonly invitations: Invitations;
  readonly clock: Clock;
  readonly log: Log;
  readonly limits?: Partial<BrokerLimits>;
}

/** Listens. Throws the Fault LISTEN_FAILED. */
export async function startEnrolment(options: EnrolmentOptions): Promise<EnrolmentService> {
  const { host, port, credentials, clock, log } = options;
  const limits = { ...enrolmentLimits, ...options.limits };
  const sparse = new SparseLog(clock, log, repeatLogMs);
  const https = createHttps({ ...toContext(credentials), ...httpLimits(limits) }, (request, response) => {
    answer(request, response, options, sparse).catch((error: unknown) => {
      log.error('enrol.failed', { error: describeError(error) });
      response.destroy();
    });
  });
  https.on('tlsClientError', (error, socket) => {
    const peer = socket.remoteAddress ?? 'unknown';
    sparse.write('warn', 'enrol.handshake-failed', peer, { peer, reason: describeError(error) });
    socket.destroy();
  });
  const handshakes = new Handshakes({
    limits,
    clock,
    begin: (socket) => https.emit('connection', socket),
    onCrowded: (peer) => sparse.write('warn', 'enrol.crowded', peer, { peer, max: limits.handshakesMax }),
  });
  const server = createServer({ noDelay: true });
  server.on('connection', (socket) => handshakes.add(socket));
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => {
      reject(new Fault('LISTEN_FAILED', `Enrolment on ${host}:${port}: ${describeError(error)}.`, { cause: error }));
    });
    server.listen(port, host, resolve);
  });
  server.removeAllListeners('error').on('error', (error) => {
    log.error('enrol.listener-failed', { error: describeError(error) });
  });
  const closed = new Promise<void>((resolve) => server.once('close', resolve));
  const address = server.address();
  const listening = typeof address === 'object' && address !== null ? address.port : port;
  log.info('enrol.listening', { host, port: listening });
  return {
    port: listening,
    renew: (renewed) => https.setSecureContext(toContext(renewed)),
    async [Symbol.asyncDispose]() {
      server.close();
      handshakes.close();
      https.closeAllConnections();
      await closed;
    },
  };
}

/** The authority's own certificate is shown too, as the first of `caPem`: a new kiosk knows nothing but its fingerprint. */
function toContext({ caPem, certPem, keyPem }: GatewayCredentials) {
  return { cert: `${certPem}${caPem}`, key: keyPem, minVersion: 'TLSv1.3' } as const;
}

function httpLimits({ handshakeTimeoutMs }: BrokerLimits): ServerOptions {
  return {
    maxHeaderSize: headerBytesMax,
    headersTimeout: handshakeTimeoutMs,
    requestTimeout: handshakeTimeoutMs,
    keepAlive: false,
  };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  options: EnrolmentOptions,
  sparse: SparseLog,
): Promise<void> {
  request.on('error', () => undefined);
  if (request.method !== 'POST' || request.url !== enrolmentPath) return send(response, 404, null);
  const peer = request.socket.remoteAddress ?? 'unknown';
  const outcome = await enrol(await readBody(request), request.socket as TLSSocket, options);
  if ('refused' in outcome) {
    sparse.write('warn', 'enrol.refused', `${peer} ${outcome.refused}`, { peer, reason: outcome.refused });
    return send(response, outcome.refused === 'malformed' ? 400 : 403, { v: 1, ...outcome });
  }
  options.log.info('enrol.admitted', { kiosk: outcome.answer.kiosk, peer, again: outcome.again });
  return send(response, 200, outcome.answer);
}

type Outcome = { readonly refused: EnrolmentRefusal } | { readonly answer: EnrolmentAnswer; readonly again: boolean };

async function enrol(body: Uint8Array | null, socket: TLSSocket, options: EnrolmentOptions): Promise<Outcome> {
  const { trust, invitations, mqttPort } = options;
  const request = body === null ? null : readRequest(body);
  const key = request === null ? null : readKey(request);
  if (request === null || key === null || !proves(request, key, socket)) return { refused: 'malformed' };
  const publicKey = key.export({ type: 'spki', format: 'der' });
  const redeemed = await invitations.redeem(Buffer.from(request.secret, 'base64url'), publicKey, async (kiosk) => {
    return (await trust.certify(kiosk, publicKey)).certPem;
  });
  if ('refused' in redeemed) return redeemed;
  const { kiosk, gate, direction } = redeemed.invited;
  const grant = trust.grant(redeemed.certPem);
  const given: EnrolmentAnswer = {
    v: 1,
    kiosk,
    gate,
    direction,
    mqttPort,
    ca: grant.caPem,
    cert: redeemed.certPem,
    site: grant.notice,
    ...sayKeys(grant),
  };
  return { answer: given, again: redeemed.again };
}

/** Null where it is too long, or ends early. */
async function readBody(request: IncomingMessage): Promise<Uint8Array | null> {
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      length += chunk.length;
      if (length > requestBytesMax) return null;
      chunks.push(chunk);
    }
  } catch {
    return null;
  }
  return Buffer.concat(chunks);
}

function readRequest(body: Uint8Array): EnrolmentRequest | null {
  try {
    return (
      enrolmentRequestSchema.safeParse(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body))).data ?? null
    );
  } catch {
    return null;
  }
}

/** Null where it is no public key on P-256. */
function readKey({ key }: EnrolmentRequest): KeyObject | null {
  try {
    const found = createPublicKey({ key: Buffer.from(key, 'base64url'), format: 'der', type: 'spki' });
    return found.asymmetricKeyDetails?.namedCurve === 'prime256v1' ? found : null;
  } catch {
    return null;
  }
}

function proves({ proof }: EnrolmentRequest, key: KeyObject, socket: TLSSocket): boolean {
  const challenge = socket.exportKeyingMaterial(proofBytes, proofLabel, Buffer.alloc(0));
  return verify('sha256', challenge, key, Buffer.from(proof, 'base64url'));
}

function send(response: ServerResponse, status: number, body: object | null): void {
  const text = body === null ? '' : JSON.stringify(body);
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
    'cache-control': 'no-store',
    connection: 'close',
  });
  response.end(text);
}
