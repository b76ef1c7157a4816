/**
 * Asks a gateway that is known only by the fingerprint of its site's authority. First the authority's certificate is
 * fetched, with nothing said, and held against the fingerprint; then a second connection is made that trusts this
 * authority and no other, by TLS's own rules, and only over that one the secret goes.
 */
import { createHash, type KeyObject, sign, verify, X509Certificate } from 'node:crypto';
import { type RequestOptions, request } from 'node:https';
import { connect, type DetailedPeerCertificate, type TLSSocket } from 'node:tls';
import {
  answerBytesMax,
  type EnrolmentAnswer,
  type EnrolmentRequest,
  enrolmentAnswerSchema,
  enrolmentPath,
  enrolmentRefusalSchema,
  proofBytes,
  proofLabel,
} from '../../shared/enrolment.ts';
import { gatewayServerName } from '../../shared/gateway-name.ts';
import { siteKeyId } from '../../shared/identity.ts';
import type { Address, Invitation, ReadInvitation } from '../../shared/invitation.ts';
import type { Clock } from '../../shared/ports.ts';
import { within } from '../../shared/time.ts';
import type { EnrolmentFailure } from './enrolment-texts.ts';

/** How long looking for the gateway, and then its answer, may take, in milliseconds. */
export const lookTimeoutMs = 4_000;
export const answerTimeoutMs = 8_000;

/** A gateway that was found: where, and its site's authority in PEM. */
export interface FoundGateway {
  readonly address: Address;
  readonly caPem: string;
}

export type Failed = { readonly failed: EnrolmentFailure };

/**
 * Tries all addresses at once and takes the first at which the invitation's site answers. Fails `unreachable`,
 * `wrong-site`, or `altered` where that site did not sign the invitation.
 */
export async function findGateway(read: ReadInvitation, clock: Clock): Promise<FoundGateway | Failed> {
  const { invitation } = read;
  const stop = new AbortController();
  const tries = invitation.addresses.map((address) => fetchAuthority(address, invitation, stop.signal));
  const found = Promise.any(
    tries.map((attempt) => attempt.then((got) => ('caPem' in got ? got : Promise.reject(got)))),
  );
  found.catch(() => {});
  const all = await within(
    clock,
    lookTimeoutMs,
    found.catch(() => null),
  );
  stop.abort();
  if (all.inTime && all.value !== null) return isSignedBy(all.value.caPem, read) ? all.value : { failed: 'altered' };
  const outcomes = await Promise.all(tries);
  return {
    failed: outcomes.some((got) => 'failed' in got && got.failed === 'wrong-site') ? 'wrong-site' : 'unreachable',
  };
}

function isSignedBy(caPem: string, { signed, signature }: ReadInvitation): boolean {
  try {
    const { publicKey } = new X509Certificate(caPem);
    return verify('sha256', signed, { key: publicKey, dsaEncoding: 'ieee-p1363' }, signature);
  } catch {
    return false; // a stranger's authority may have a key of any kind
  }
}

/** Connects, looks at the certificates that are shown, and leaves. Never rejects. */
function fetchAuthority(
  address: Address,
  { fingerprint }: Invitation,
  signal: AbortSignal,
): Promise<FoundGateway | Failed> {
  return new Promise((resolve) => {
    // Nothing is sent over this connection and nothing of it is believed but what the fingerprint proves.
    const socket = connect({
      ...address,
      servername: gatewayServerName,
      minVersion: 'TLSv1.3',
      rejectUnauthorized: false,
    });
    const end = (outcome: FoundGateway | Failed) => {
      signal.removeEventListener('abort', leave);
      // Not at once: the other side would take a handshake that is not finished for a failed one.
      socket.destroySoon();
      resolve(outcome);
    };
    const leave = () => end({ failed: 'unreachable' });
    signal.addEventListener('abort', leave, { once: true });
    socket.on('error', leave);
    socket.once('close', leave);
    socket.once('secureConnect', () => {
      const caPem = findAuthority(socket.getPeerCertificate(true), fingerprint);
      end(caPem === null ? { failed: 'wrong-site' } : { address, caPem });
    });
  });
}

/** How long a chain of certificates may be. */
const chainMax = 4;

function findAuthority(leaf: DetailedPeerCertificate, fingerprint: Uint8Array): string | null {
  let certificate: DetailedPeerCertificate | undefined = leaf;
  for (let place = 0; place < chainMax && certificate?.raw !== undefined; place++) {
    if (createHash('sha256').update(certificate.raw).digest().equals(fingerprint)) {
      return new X509Certificate(certificate.raw).toString();
    }
    certificate = certificate.issuerCertificate;
  }
  return null;
}

/** Asks with the invitation's secret and the kiosk's new key. What it gives fits the key, the site and the invitation. */
export async function askGateway(
  { address, caPem }: FoundGateway,
  { secret, kiosk }: Invitation,
  key: { readonly privateKey: KeyObject; readonly publicKey: KeyObject },
  clock: Clock,
): Promise<EnrolmentAnswer | Failed> {
  const makeBody = (socket: TLSSocket): string => {
    const challenge = socket.exportKeyingMaterial(proofBytes, proofLabel, Buffer.alloc(0));
    const wanted: EnrolmentRequest = {
      v: 1,
      secret: Buffer.from(secret).toString('base64url'),
      key: key.publicKey.export({ type: 'spki', format: 'der' }).toString('base64url'),
      proof: sign('sha256', challenge, key.privateKey).toString('base64url'),
    };
    return JSON.stringify(wanted);
  };
  const stop = new AbortController();
  const posted = post(address, caPem, makeBody, stop.signal).catch(() => null);
  const timed = await within(clock, answerTimeoutMs, posted);
  stop.abort();
  if (!timed.inTime || timed.value === null) return { failed: 'no-answer' };
  const refusal = enrolmentRefusalSchema.safeParse(timed.value);
  if (refusal.success) return { failed: refusal.data.refused === 'malformed' ? 'no-answer' : refusal.data.refused };
  const answer = enrolmentAnswerSchema.safeParse(timed.value).data;
  return answer !== undefined && fits(answer, caPem, kiosk, key.privateKey) ? answer : { failed: 'no-answer' };
}

function fits(answer: EnrolmentAnswer, caPem: string, kiosk: string, privateKey: KeyObject): boolean {
  try {
    const [authority, given, certificate] = [caPem, answer.ca, answer.cert].map((pem) => new X509Certificate(pem));
    if (authority === undefined || given === undefined || certificate === undefined) return false;
    return (
      given.raw.equals(authority.raw) &&
      certificate.verify(authority.publicKey) &&
      certificate.checkPrivateKey(privateKey) &&
      certificate.subject === `CN=${kiosk}` &&
      answer.kiosk === kiosk &&
      answer.site.key.id === siteKeyId(Buffer.from(answer.site.key.publicKey, 'base64url'))
    );
  } catch {
    return false;
  }
}

/** One request, one answer, read as JSON whatever its status. Rejects where the network or the other side fails. */
function post(
  { host, port }: Address,
  caPem: string,
  makeBody: (socket: TLSSocket) => string,
  signal: AbortSignal,
): Promise<unknown> {
  const options: RequestOptions = {
    ...{ host, port, method: 'POST', path: enrolmentPath, agent: false, signal },
    ...{ ca: caPem, servername: gatewayServerName, minVersion: 'TLSv1.3', rejectUnauthorized: true },
    headers: { 'content-type': 'application/json' },
  };
  return new Promise((resolve, reject) => {
    const asked = request(options, async (response) => {
      try {
        const chunks: Buffer[] = [];
        let length = 0;
        for await (const chunk of response as AsyncIterable<Buffer>) {
          length += chunk.length;
          if (length > answerBytesMax) throw new RangeError('the answer is too long');
          chunks.push(chunk);
        }
        resolve(JSON.parse(Buffer.concat(chunks).toString()));
      } catch (error) {
        reject(error);
      }
    });
    asked.on('error', reject);
    asked.once('socket', (socket) => {
      socket.once('secureConnect', () => {
        try {
          const body = makeBody(socket as TLSSocket);
          asked.setHeader('content-length', Buffer.byteLength(body));
          asked.end(body);
        } catch (error) {
          asked.destroy(error instanceof Error ? error : new Error(String(error)));
        }
      });
    });
  });
}
