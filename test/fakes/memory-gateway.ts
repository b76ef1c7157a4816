import { type Duplex, duplexPair } from 'node:stream';
import { Aedes, type AuthenticateError, type AuthorizePublishHandler } from 'aedes';

/** An aedes broker that kiosks reach over in-memory streams, and that keeps what it acknowledged. */
export class MemoryGateway implements AsyncDisposable {
  /** What reached the broker on any topic, in order; kept when its PUBACK was let go. */
  readonly taken: { readonly topic: string; readonly body: string; readonly retain: boolean }[] = [];
  /** How often it was dialled. */
  dials = 0;
  /** What answers a dial: the broker, or something worse. */
  answer: (gatewayEnd: Duplex) => void;
  /** What decides about a publish before its PUBACK; the default takes all. */
  onPublish: (topic: string, acknowledge: (error?: Error | null) => void) => void = (_topic, acknowledge) =>
    acknowledge();
  /** The stream ends at the gateway of all dials, for tests that cut or listen. */
  readonly streams: Duplex[] = [];
  readonly broker: Aedes;

  private constructor(broker: Aedes) {
    this.broker = broker;
    this.answer = (stream) => void broker.handle(stream as Parameters<Aedes['handle']>[0]);
    const authorize: AuthorizePublishHandler = (_client, packet, done) => {
      this.onPublish(packet.topic, (error) => {
        if (!error) {
          this.taken.push({ topic: packet.topic, body: packet.payload.toString(), retain: packet.retain });
        }
        done(error ?? null);
      });
    };
    broker.authorizePublish = authorize;
  }

  static async start(refuse: () => AuthenticateError | null = () => null): Promise<MemoryGateway> {
    const broker = await Aedes.createBroker({
      authenticate: (_client, _username, _password, done) => {
        const error = refuse();
        done(error, error === null);
      },
    });
    return new MemoryGateway(broker);
  }

  /** For the link's `dial`. */
  readonly dial = (): Duplex => {
    this.dials += 1;
    const [kioskEnd, gatewayEnd] = duplexPair();
    // A stream that is cut would otherwise be an uncaught exception on the gateway's side.
    gatewayEnd.on('error', () => {});
    gatewayEnd.on('close', () => kioskEnd.destroy());
    kioskEnd.on('close', () => gatewayEnd.destroy());
    this.streams.push(gatewayEnd);
    this.answer(gatewayEnd);
    return kioskEnd;
  };

  /** Cuts every connection there is. */
  cut(): void {
    for (const stream of this.streams.splice(0)) stream.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cut();
    await new Promise<void>((resolve) => this.broker.close(() => resolve()));
  }
}
