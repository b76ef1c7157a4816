import { type ClientRequest, type Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http';
import { type Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { Clock } from '../../shared/ports.ts';

/** A connection (name, TCP and TLS) must stand within this time, in milliseconds. */
export const connectTimeoutMs = 15_000;
/** Nothing takes longer than this from the first byte to the last, in milliseconds. */
export const exchangeTimeoutMs = 60_000;
/** Between two pieces of an answer's body at most this long, in milliseconds. */
export const stallTimeoutMs = 10_000;
/** Of an answer's body this many bytes are read; then the connection is cut. */
export const answerBytesMax = 1024 * 1024;

/** One POST. */
export interface Outgoing {
  readonly url: string;
  /** Decides whether TLS is spoken, and with which certificates. */
  readonly agent:
    | { readonly secure: true; readonly agent: HttpsAgent }
    | { readonly secure: false; readonly agent: HttpAgent };
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

/** What became of a request. */
export type Exchanged =
  | {
      readonly type: 'answered';
      readonly status: number;
      readonly retryAfter: string | undefined;
      readonly date: string | undefined;
      readonly body: Buffer;
      /** `cut`: longer than {@link answerBytesMax}; `broken`: it ended, stalled or failed before its end. */
      readonly end: 'whole' | 'cut' | 'broken';
    }
  | {
      readonly type: 'failed';
      readonly code: string;
      readonly message: string;
      /** The connection was an old one that the other side had given up; a new one may well work at once. */
      readonly stale: boolean;
    };

/** Sends one request and reads its answer. Never rejects; ends at once when `signal` aborts. Redirects are not followed. */
export function exchange(outgoing: Outgoing, clock: Clock, signal: AbortSignal): Promise<Exchanged> {
  const { promise, resolve } = Promise.withResolvers<Exchanged>();
  const { url, agent, headers, body } = outgoing;
  const options = { method: 'POST', headers: { ...headers, 'content-length': String(body.byteLength) } };
  const request = agent.secure
    ? httpsRequest(url, { ...options, agent: agent.agent })
    : httpRequest(url, { ...options, agent: agent.agent });
  const answer = new Answer();

  const settle = (result: Exchanged) => {
    deadline[Symbol.dispose]();
    patience[Symbol.dispose]();
    signal.removeEventListener('abort', abort);
    const reusable = result.type === 'answered' && result.end === 'whole' && request.writableFinished;
    if (!reusable) request.destroy();
    resolve(result);
  };
  const fail = (code: string, message: string) => settle(answer.brokenOff() ?? failed(request, code, message));
  const abort = () => fail('ABORTED', 'the gateway is stopping');
  const wait = (limitMs: number, message: string) => {
    patience[Symbol.dispose]();
    patience = clock.after(limitMs, () => fail('TIMEOUT', message));
  };
  const deadline = clock.after(exchangeTimeoutMs, () => fail('TIMEOUT', `no answer within ${exchangeTimeoutMs} ms`));
  let patience = clock.after(connectTimeoutMs, () => fail('TIMEOUT', `no connection within ${connectTimeoutMs} ms`));

  request.on('socket', (socket) => {
    const connected = () => patience[Symbol.dispose]();
    if (request.reusedSocket) connected();
    else socket.once(agent.secure ? 'secureConnect' : 'connect', connected);
  });
  request.on('response', (incoming) => {
    answer.begin(incoming);
    wait(stallTimeoutMs, 'the answer stalled');
    incoming.on('data', (chunk: Buffer) => {
      wait(stallTimeoutMs, 'the answer stalled');
      if (!answer.add(chunk)) settle(answer.finish('cut'));
    });
    incoming.on('end', () => settle(answer.finish(incoming.complete ? 'whole' : 'broken')));
    incoming.on('error', () => settle(answer.finish('broken')));
  });
  // Nobody asked for another protocol: the answer is its status, and the connection is of no more use.
  request.on('upgrade', (incoming) => {
    answer.begin(incoming);
    settle(answer.finish('broken'));
  });
  request.on('error', (error: NodeJS.ErrnoException) => fail(error.code ?? error.name, error.message));
  request.on('close', () => fail('ECONNRESET', 'the connection was closed'));
  signal.addEventListener('abort', abort, { once: true });
  if (signal.aborted) abort();
  else request.end(body);
  return promise;
}

function failed(request: ClientRequest, code: string, message: string): Exchanged {
  const stale = request.reusedSocket && (code === 'ECONNRESET' || code === 'EPIPE');
  return { type: 'failed', code, message, stale };
}

/** An answer while it arrives. */
class Answer {
  #incoming: IncomingMessage | null = null;
  readonly #chunks: Buffer[] = [];
  #bytes = 0;

  begin(incoming: IncomingMessage): void {
    this.#incoming = incoming;
  }

  /** Keeps a piece of the body; false when there is more than may be read. */
  add(chunk: Buffer): boolean {
    this.#bytes += chunk.byteLength;
    if (this.#bytes > answerBytesMax) return false;
    this.#chunks.push(chunk);
    return true;
  }

  finish(end: 'whole' | 'cut' | 'broken'): Exchanged {
    const headers = this.#incoming?.headers ?? {};
    return {
      type: 'answered',
      status: this.#incoming?.statusCode ?? 0,
      retryAfter: headers['retry-after'],
      date: headers.date,
      body: Buffer.concat(this.#chunks),
      end,
    };
  }

  /** The answer as far as it came, or null before its head. */
  brokenOff(): Exchanged | null {
    return this.#incoming === null ? null : this.finish('broken');
  }
}
