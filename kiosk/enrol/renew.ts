/** One attempt to get a new certificate: a new key, the question to the gateway, a trial of the answer, and the switch. */
import { type KeyObject, sign, X509Certificate } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import { describeError } from '../../shared/fault.ts';
import { siteKeyId } from '../../shared/identity.ts';
import type { Clock } from '../../shared/ports.ts';
import {
  type RenewalAnswer,
  type RenewalRefusal,
  type RenewalRequest,
  type Renewed,
  renewalAnswerSchema,
  renewalClaim,
  renewQuestion,
} from '../../shared/renewal.ts';
import { isSystemError } from '../../shared/system-error.ts';
import type { Asker } from '../asking.ts';
import type { Credentials } from '../credentials.ts';
import { probeGateway } from '../probe.ts';
import type { KioskKey } from './new-credentials.ts';
import { draftRenewal, dropRenewal, prepareRenewalKey, settleRenewal } from './renewed-set.ts';

/** Why there is no new certificate. All but `not-due` are told to people when the old one ends soon. */
export type RenewalProblem =
  /** The folder of the credentials cannot be written. */
  | 'unwritable'
  /** The gateway said nothing, or nothing that can be used. */
  | 'unanswered'
  /** The gateway gave a certificate and then did not let in who came with it. */
  | 'not-let-in'
  /** The gateway could not be reached by the trial. */
  | 'untried'
  | RenewalRefusal;

export type RenewalOutcome =
  | { readonly renewed: Credentials }
  | { readonly problem: RenewalProblem; readonly detail: string };

export interface RenewParts {
  /** Where the credentials lie. */
  readonly folder: string;
  readonly credentials: Credentials;
  readonly asker: Asker;
  /** Dials the gateway with other credentials than those in use. */
  readonly dialWith: (credentials: Credentials) => TLSSocket;
  readonly clock: Clock;
}

/** Tries once. Never rejects for what the network, the disk or the gateway does. */
export async function renew(parts: RenewParts): Promise<RenewalOutcome> {
  const { folder, dialWith, clock } = parts;
  try {
    const key = prepareRenewalKey(folder);
    const answer = await ask(parts, key);
    if (answer.given === null) return answer.why;
    const draft = await draftRenewal(folder, answer.given);
    const trial = await probeGateway(() => dialWith(draft), clock);
    if (trial.outcome === 'unreachable') return { problem: 'untried', detail: trial.reason };
    if (trial.outcome === 'refused') {
      dropRenewal(folder);
      return { problem: 'not-let-in', detail: trial.reason };
    }
    settleRenewal(folder, draft);
    return { renewed: draft };
  } catch (error) {
    if (!isSystemError(error)) throw error;
    return { problem: 'unwritable', detail: describeError(error) };
  }
}

type Unanswered = Extract<RenewalOutcome, { problem: unknown }>;

type Asked = { readonly given: Renewed } | { readonly given: null; readonly why: Unanswered };

async function ask(parts: RenewParts, key: KioskKey): Promise<Asked> {
  const first = await put(parts.asker, { v: 1, want: 'nonce' });
  if (first === null || !('nonce' in first) || typeof first.nonce !== 'string') return readRefusal(first);
  const { kiosk, certPem, keyPem, version } = parts.credentials;
  const certificate = new X509Certificate(certPem);
  const publicKey = key.publicKey.export({ type: 'spki', format: 'der' }).toString('base64url');
  const serial = certificate.serialNumber.toLowerCase();
  const claim = renewalClaim({ kiosk, serial, nonce: first.nonce, key: publicKey });
  const second = await put(parts.asker, {
    v: 1,
    want: 'certificate',
    nonce: first.nonce,
    cert: certificate.raw.toString('base64url'),
    key: publicKey,
    credentials: version,
    proof: sign('sha256', claim, key.privateKey).toString('base64url'),
    consent: sign('sha256', claim, keyPem).toString('base64url'),
  });
  if (second === null || !('cert' in second)) return readRefusal(second);
  const renewed = second as Renewed;
  return fits(renewed, parts.credentials, key.privateKey)
    ? { given: renewed }
    : { given: null, why: { problem: 'unanswered', detail: 'the answer does not fit' } };
}

async function put(asker: Asker, request: RenewalRequest): Promise<RenewalAnswer | null> {
  const answer = await asker.ask(renewQuestion, Buffer.from(JSON.stringify(request)));
  if (answer === null) return null;
  try {
    return renewalAnswerSchema.safeParse(JSON.parse(new TextDecoder().decode(answer))).data ?? null;
  } catch {
    return null;
  }
}

function readRefusal(answer: RenewalAnswer | null): Asked {
  const why = (problem: RenewalProblem, detail: string): Asked => ({ given: null, why: { problem, detail } });
  if (answer === null) return why('unanswered', 'no answer, or none that can be read');
  if (!('refused' in answer)) return why('unanswered', 'another answer than was asked for');
  return why(answer.refused as RenewalRefusal, 'the gateway refused');
}

/** Whether what came is for this kiosk and this key, and by a site that the kiosk knows: one authority at least it believed before. */
function fits(renewed: Renewed, before: Credentials, privateKey: KeyObject): boolean {
  try {
    const certificate = new X509Certificate(renewed.cert);
    const authorities = splitPem(renewed.ca);
    const known = splitPem(before.caPem);
    return (
      renewed.kiosk === before.kiosk &&
      certificate.subject === `CN=${before.kiosk}` &&
      certificate.checkPrivateKey(privateKey) &&
      authorities.some((authority) => certificate.verify(authority.publicKey)) &&
      authorities.some((authority) => known.some((one) => one.raw.equals(authority.raw))) &&
      renewed.site.key.id === siteKeyId(Buffer.from(renewed.site.key.publicKey, 'base64url'))
    );
  } catch {
    return false;
  }
}

function splitPem(pem: string): readonly X509Certificate[] {
  const found = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  return found.map((one) => new X509Certificate(one));
}
