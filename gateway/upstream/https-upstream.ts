import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type { Clock, Delivery, ForwardBatch, ForwardEntry, Log, Upstream } from '../../shared/ports.ts';
import { batchContentType, encodeBatch, encodeEvent } from './cloud-events.ts';
import { interpretStatus, isTrustFailure, readRejections, tidyReason } from './http-answer.ts';
import { type Exchanged, exchange, type Outgoing } from './http-exchange.ts';
import type { TlsMaterial } from './tls-files.ts';

export interface HttpsUpstreamParts {
  readonly name: string;
  readonly url: string;
  /** TLS; without it plain HTTP, which is for this machine only. */
  readonly secure: boolean;
  /** The site's name, for each event's source. */
  readonly site: string;
  /** Goes out as `Authorization: Bearer …`; null: none does. */
  readonly token: string | null;
  readonly tls: TlsMaterial;
  /** This program's version, for the user agent. */
  readonly version: string;
  readonly clock: Clock;
  readonly log: Log;
}

/** An upstream that takes CloudEvents batches over HTTP. One connection, kept open between batches. */
export function createHttpsUpstream(parts: HttpsUpstreamParts): Upstream {
  return new HttpsUpstream(parts);
}

class HttpsUpstream implements Upstream {
  readonly name: string;
  readonly #parts: HttpsUpstreamParts;
  readonly #agent: Outgoing['agent'];
  /** What was already complained of: an answer that is ignored would otherwise be logged with every batch. */
  readonly #ignored = new Set<string>();

  constructor(parts: HttpsUpstreamParts) {
    this.name = parts.name;
    this.#parts = parts;
    // One socket: a forwarder has one batch under way. `rejectUnauthorized` is said, so that no environment variable unsays it.
    const keep = { keepAlive: true, maxSockets: 1 };
    this.#agent = parts.secure
      ? {
          secure: true,
          agent: new HttpsAgent({ ...keep, ...parts.tls, minVersion: 'TLSv1.2', rejectUnauthorized: true }),
        }
      : { secure: false, agent: new HttpAgent(keep) };
  }

  wireBytes(entry: ForwardEntry): number {
    // Two more: the comma behind it and, counted more than once, the brackets around the batch.
    return Buffer.byteLength(encodeEvent(entry, this.#parts.site)) + 2;
  }

  async send(batch: ForwardBatch, signal: AbortSignal): Promise<Delivery> {
    const { url, site, token, version, clock } = this.#parts;
    const outgoing = {
      url,
      agent: this.#agent,
      headers: {
        'content-type': batchContentType,
        accept: 'application/json',
        'idempotency-key': batch.key,
        'user-agent': `ravao/${version}`,
        ...(token === null ? {} : { authorization: `Bearer ${token}` }),
      },
      body: Buffer.from(encodeBatch(batch.entries, site)),
    };
    let exchanged = await exchange(outgoing, clock, signal);
    // The other side closed the kept connection just as we wrote: that is no failure of the upstream.
    if (exchanged.type === 'failed' && exchanged.stale) exchanged = await exchange(outgoing, clock, signal);
    return this.#understand(exchanged, batch);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#agent.agent.destroy();
  }

  #understand(exchanged: Exchanged, batch: ForwardBatch): Delivery {
    if (exchanged.type === 'failed') {
      const { code, message } = exchanged;
      return {
        type: 'later',
        reason: `${code}: ${tidyReason(message)}`,
        retryAfterMs: null,
        alarm: isTrustFailure(code),
      };
    }
    const delivery = interpretStatus(exchanged, this.#parts.clock.nowMs());
    if (delivery.type === 'refused') {
      const words = this.#wordsOf(exchanged.body);
      return words === '' ? delivery : { type: 'refused', reason: `${delivery.reason}: ${words}` };
    }
    if (delivery.type !== 'taken') return delivery;
    if (exchanged.end === 'broken') {
      // What it rejects may be in the part that is missing, so ask again: it knows the entries by their ids.
      return {
        type: 'later',
        reason: `HTTP ${exchanged.status}: the answer broke off`,
        retryAfterMs: null,
        alarm: false,
      };
    }
    return { type: 'taken', rejected: this.#rejectionsOf(exchanged, batch) };
  }

  #rejectionsOf(exchanged: Exchanged & { type: 'answered' }, batch: ForwardBatch) {
    const ids = batch.entries.map((entry) => entry.id);
    const { rejected, ignored } =
      exchanged.end === 'cut'
        ? { rejected: [], ignored: 'the body is too long' }
        : readRejections(exchanged.body.toString('utf8'), ids);
    if (ignored !== null) this.#logIgnored(ignored, exchanged.status);
    return rejected;
  }

  #logIgnored(why: string, status: number): void {
    const kind = why.replace(/\d+/, '');
    const level = this.#ignored.has(kind) ? 'debug' : 'warn';
    this.#ignored.add(kind);
    this.#parts.log[level]('upstream.answer-ignored', { upstream: this.name, status, why });
  }

  /** What a refusal says in words, for the person who looks into the quarantine. Never the token, should it echo that. */
  #wordsOf(body: Buffer): string {
    const text = body.subarray(0, 4096).toString('utf8');
    return tidyReason(this.#parts.token === null ? text : text.replaceAll(this.#parts.token, '…'));
  }
}
