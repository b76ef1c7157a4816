import type { SiteNotice } from '../shared/entry.ts';
import { rulesTopic, siteTopic } from '../shared/topics.ts';

/** How the broker publishes something of the gateway's own, retained. */
export type Publish = (
  packet: { readonly topic: string; readonly payload: Buffer },
  done: (error?: Error) => void,
) => void;

/** What the gateway says to kiosks: retained, so that whoever comes later hears it too. */
export class Announcements {
  readonly #publish: Publish;
  readonly #kiosks: () => Iterable<string>;
  readonly #complete: (notice: SiteNotice) => SiteNotice;
  #rulesOf: ((kiosk: string) => Uint8Array) | null = null;

  /** @param kiosks those that are connected. @param complete adds to a notice of the site what the broker knows. */
  constructor(
    publish: Publish,
    kiosks: () => Iterable<string>,
    complete: (notice: SiteNotice) => SiteNotice = (notice) => notice,
  ) {
    this.#publish = publish;
    this.#kiosks = kiosks;
    this.#complete = complete;
  }

  /** Says what the site is from now on, to those that are connected too. */
  tellSite(notice: SiteNotice): Promise<void> {
    return this.retain(siteTopic, Buffer.from(JSON.stringify(this.#complete(notice))));
  }

  /** Resolves when it is retained; what was there before on the topic goes. Nothing (0 bytes) leaves the topic empty. */
  retain(topic: string, payload: Uint8Array): Promise<void> {
    const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
    return new Promise((resolve, reject) => {
      this.#publish({ topic, payload: bytes }, (error) => (error ? reject(error) : resolve()));
    });
  }

  /** From now on each kiosk hears these rules, on a topic of its own: those that are connected now, others when they come. */
  async tellRules(rulesOf: (kiosk: string) => Uint8Array): Promise<void> {
    this.#rulesOf = rulesOf;
    await Promise.all([...new Set(this.#kiosks())].map((kiosk) => this.retain(rulesTopic(kiosk), rulesOf(kiosk))));
  }

  /** A kiosk has connected. What it is told is retained before it can have asked. */
  welcome(kiosk: string): void {
    if (this.#rulesOf === null) return;
    // It fails only when the broker closes, and then the kiosk goes too.
    this.retain(rulesTopic(kiosk), this.#rulesOf(kiosk)).catch(() => {});
  }
}
