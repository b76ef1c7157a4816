import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';

/** One CloudEvent as it arrived. */
export interface TakenEvent {
  readonly id: string;
  readonly source: string;
  readonly type: string;
  readonly subject?: string;
  readonly time: string;
  readonly data: Record<string, unknown>;
  readonly [attribute: string]: unknown;
}

/** One request as it arrived. */
export interface TakenRequest {
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly bytes: number;
  readonly body: string;
  readonly events: readonly TakenEvent[];
}

/** How the upstream answers a request. Only a 2xx and `take-and-lose` keep the entries. */
export type Answer =
  | { readonly status: number; readonly headers?: Readonly<Record<string, string>>; readonly body?: string }
  /** Says nothing, ever. */
  | 'hang'
  /** Sends a 200's head and half of its body, then nothing. */
  | 'stall'
  /** Sends a 200's head and half of its body, then closes. */
  | 'break-off'
  /** Keeps the entries and closes without an answer. */
  | 'take-and-lose'
  /** Closes without an answer and keeps nothing. */
  | 'close'
  /** Answers bytes that are no HTTP. */
  | 'garbage'
  /** Answers 200 with a body that never ends. */
  | 'flood'
  /** Asks for another protocol. */
  | 'upgrade';

export type Script = (request: TakenRequest) => Answer;

export interface HttpUpstreamOptions {
  /** Speaks TLS with these; `clientCa` makes it demand a client certificate of that authority. PEM. */
  readonly tls?: { readonly cert: string; readonly key: string; readonly clientCa?: string };
}

/** A health authority's intake on a loopback port: real sockets, answers as a test scripts them. */
export class HttpUpstream implements AsyncDisposable {
  /** Every request whose body arrived, in order. */
  readonly requests: TakenRequest[] = [];
  /** Connections made, also those that failed in TLS. */
  connections = 0;
  /** What to answer where nothing is queued. */
  script: Script = () => ({ status: 204 });
  readonly #events = new Map<string, TakenEvent>();
  readonly #queued: Answer[] = [];
  readonly #sockets = new Set<Socket>();
  readonly #server: ReturnType<typeof createHttpServer> | ReturnType<typeof createHttpsServer>;
  readonly #secure: boolean;

  constructor(options: HttpUpstreamOptions = {}) {
    const { tls } = options;
    this.#secure = tls !== undefined;
    const listener = (request: IncomingMessage, response: ServerResponse) => void this.#handle(request, response);
    this.#server =
      tls === undefined
        ? createHttpServer(listener)
        : createHttpsServer(
            {
              cert: tls.cert,
              key: tls.key,
              ...(tls.clientCa === undefined ? {} : { ca: tls.clientCa, requestCert: true, rejectUnauthorized: true }),
            },
            listener,
          );
    this.#server.on('connection', (socket: Socket) => {
      this.connections++;
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
      socket.on('error', () => undefined);
    });
    this.#server.on('tlsClientError', () => undefined);
  }

  /** Listens; `port` 0 takes any. */
  async start(port = 0): Promise<this> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#server.once('error', reject);
    this.#server.listen(port, '127.0.0.1', resolve);
    await promise;
    return this;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get url(): string {
    return `${this.#secure ? 'https' : 'http'}://127.0.0.1:${this.port}/v1/entries`;
  }

  /** Answers the next requests with these, one each. */
  answer(...answers: readonly Answer[]): void {
    this.#queued.push(...answers);
  }

  /** What it has, each once, in the order in which each first came. */
  get events(): readonly TakenEvent[] {
    return [...this.#events.values()];
  }

  /** The ids of {@link events}. */
  get ids(): readonly string[] {
    return [...this.#events.keys()];
  }

  /** Closes every connection and keeps listening. */
  dropConnections(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#server.close(() => resolve());
    this.dropConnections();
    await promise;
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of request) chunks.push(chunk as Buffer);
    } catch {
      return; // the client went away in the middle
    }
    const body = Buffer.concat(chunks).toString('utf8');
    const events = JSON.parse(body) as TakenEvent[];
    const taken = { url: request.url ?? '', headers: request.headers, bytes: Buffer.byteLength(body), body, events };
    this.requests.push(taken);
    const answer = this.#queued.shift() ?? this.script(taken);
    if (typeof answer === 'string') this.#misbehave(answer, events, response);
    else this.#reply(answer, events, response);
  }

  #reply(answer: Exclude<Answer, string>, events: readonly TakenEvent[], response: ServerResponse): void {
    if (answer.status >= 200 && answer.status <= 299) {
      const rejected = new Set(rejectedIds(answer.body));
      this.#keep(events.filter(({ id }) => !rejected.has(id)));
    }
    response.writeHead(answer.status, answer.headers ?? {});
    response.end(answer.body);
  }

  #misbehave(answer: Extract<Answer, string>, events: readonly TakenEvent[], response: ServerResponse): void {
    const { socket } = response;
    switch (answer) {
      case 'hang':
        return;
      case 'stall':
      case 'break-off':
        response.writeHead(200, { 'content-type': 'application/json', 'content-length': '40' });
        response.write('{"rejected":[', () => {
          if (answer === 'break-off') socket?.destroy();
        });
        return;
      case 'take-and-lose':
        this.#keep(events);
        socket?.destroy();
        return;
      case 'close':
        socket?.destroy();
        return;
      case 'garbage':
        socket?.end('\u0000\u0001 this is no HTTP \r\n\r\n');
        return;
      case 'flood':
        response.writeHead(200, { 'content-type': 'application/json' });
        pour(response);
        return;
      case 'upgrade':
        socket?.write('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: other\r\n\r\n');
        return;
    }
  }

  #keep(events: readonly TakenEvent[]): void {
    for (const event of events) if (!this.#events.has(event.id)) this.#events.set(event.id, event);
  }
}

/** Starts an upstream on a free loopback port. */
export async function startHttpUpstream(options: HttpUpstreamOptions = {}): Promise<HttpUpstream> {
  return new HttpUpstream(options).start();
}

function rejectedIds(body: string | undefined): readonly string[] {
  try {
    const { rejected = [] } = JSON.parse(body ?? '{}') as { rejected?: { id: string }[] };
    return rejected.map(({ id }) => id);
  } catch {
    return [];
  }
}

function pour(response: ServerResponse): void {
  const chunk = ' '.repeat(65_536);
  const more = () => {
    if (!response.destroyed) response.write(chunk, more);
  };
  more();
}
