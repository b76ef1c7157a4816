import type { Announcements } from '../../gateway/announcements.ts';
import type { TopicReader, Topics } from '../../kiosk/gateway-link.ts';

/** The retained topics between one gateway and one kiosk, without a network: each delivery is a step of its own. */
export class RulesRoad implements Pick<Announcements, 'retain' | 'tellRules'> {
  readonly retained = new Map<string, Uint8Array>();
  /** Every topic that the kiosk asked for, in order. */
  readonly asked: string[] = [];
  readonly subscribed = new Set<string>();
  readonly #headTopic: string;
  #reader: TopicReader | null = null;
  readonly #due: (() => void)[] = [];

  /** @param headTopic where the kiosk hears its head. */
  constructor(headTopic: string) {
    this.#headTopic = headTopic;
  }

  async retain(topic: string, payload: Uint8Array): Promise<void> {
    if (payload.byteLength === 0) this.retained.delete(topic);
    else this.retained.set(topic, payload);
    if (this.subscribed.has(topic)) this.#deliver(topic, payload);
  }

  async tellRules(rulesOf: (kiosk: string) => Uint8Array): Promise<void> {
    await this.retain(this.#headTopic, rulesOf('gate-a'));
  }

  /** Something arrives at the kiosk that no gateway of ours sends. */
  inject(topic: string, payload: Uint8Array): void {
    this.#deliver(topic, payload);
  }

  connect(reader: TopicReader): void {
    const topics: Topics = {
      subscribe: (topic) => {
        if (this.#reader !== reader) return;
        this.asked.push(topic);
        this.subscribed.add(topic);
        const payload = this.retained.get(topic);
        if (payload !== undefined) this.#deliver(topic, payload);
      },
      unsubscribe: (topic) => void this.subscribed.delete(topic),
    };
    this.#reader = reader;
    reader.connected(topics);
  }

  /** The connection is lost, with what is under way. */
  cut(): void {
    const reader = this.#reader;
    this.#reader = null;
    this.subscribed.clear();
    this.#due.length = 0;
    reader?.lost();
  }

  /** Delivers what is under way and what follows from it, at most `steps` packets. */
  async run(steps = Number.POSITIVE_INFINITY): Promise<void> {
    for (let step = 0; step < steps; step++) {
      // What the kiosk does between two packets may take turns of the event loop.
      for (let turn = 0; turn < 3; turn++) await new Promise<void>((resolve) => setImmediate(resolve));
      const next = this.#due.shift();
      if (next === undefined) return;
      next();
    }
  }

  #deliver(topic: string, payload: Uint8Array): void {
    const reader = this.#reader;
    this.#due.push(() => void (this.#reader === reader && reader?.heard(topic, payload)));
  }
}
