/** Watches what one kiosk holds of the rules: what it once held it holds after every restart, and goes on refusing. */
import type { LedgerEntry } from './ledger.ts';
import type { Surroundings } from './surroundings.ts';

export class RulesWitness {
  readonly #kiosk: string;
  readonly #world: Surroundings;
  /** The version that the process holds that runs, or that the last one held. */
  version: string | null = null;
  /** The event of the world in which it came to hold: what follows from one event may end before it is on disk. */
  #heldAtEvent = -1;
  /** Whose cards were revoked in any version that it held: a revocation is never taken back. */
  readonly #refused = new Set<string>();
  #before: readonly string[] = [];

  constructor(kiosk: string, world: Surroundings) {
    this.#kiosk = kiosk;
    this.#world = world;
  }

  /** A process has read what the last one kept. */
  opened(version: string | null): void {
    const { timeline, fail } = this.#world;
    if (version === this.version) return;
    if (this.#heldAtEvent !== timeline.events && !this.#wasCutShort) {
      fail(`${this.#kiosk} held the rules ${this.version} and has ${version} after a restart`);
    }
    this.version = version;
  }

  /** Its process has died. */
  died(): void {
    this.#wasCutShort = this.#heldAtEvent === this.#world.timeline.events;
    if (this.#wasCutShort) for (const subject of this.#before) this.#refused.delete(subject);
  }

  #wasCutShort = false;

  /** It holds a version from now on. */
  holds(version: string): void {
    const { rules, timeline, fail } = this.#world;
    const refused = rules.refusedBy(version);
    if (refused === null) {
      fail(`${this.#kiosk} holds the rules ${version}, which the gateway never told`);
      return;
    }
    this.#before = [...refused].filter((subject) => !this.#refused.has(subject));
    for (const subject of this.#before) this.#refused.add(subject);
    this.version = version;
    this.#heldAtEvent = timeline.events;
  }

  /** An entry is on its disk. */
  kept({ id, admitted, subject, reason, direction }: LedgerEntry): void {
    const isBarred = subject !== null && this.#world.rules.barredBy(this.version).has(subject);
    if (isBarred && admitted && direction === 'in')
      this.#world.fail(`${this.#kiosk} let ${id} in, who is barred there`);
    if (reason === 'barred' && !(isBarred && direction === 'in'))
      this.#world.fail(`${this.#kiosk} refused ${id} as barred, who is not, or goes out`);
    if (admitted && subject !== null && this.#refused.has(subject)) {
      this.#world.fail(`${this.#kiosk} admitted ${id}, whose card it knows to be revoked`);
    }
  }
}
