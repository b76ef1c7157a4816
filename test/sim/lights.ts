/** A kiosk's lights, and a witness who knows what is on its disk: they must never say more than is true. */
import type { LinkStatus } from '../../kiosk/link.ts';
import { readCode } from '../../shared/code/read-code.ts';
import { subjectOf } from '../../shared/identity.ts';
import type { Indicator, Reading } from '../../shared/ports.ts';
import type { Signal } from '../../shared/signal.ts';
import type { LedgerEntry } from './ledger.ts';
import type { SimProcess } from './machine.ts';
import { subjectKey } from './people.ts';
import type { Surroundings } from './surroundings.ts';

export class Lights {
  readonly #kiosk: string;
  readonly #world: Surroundings;
  readonly #reading: () => Reading | null;
  readonly #counts = new Map<Signal, number>();
  /** The newest entry on disk that no light has answered for. */
  #unanswered: LedgerEntry | null = null;
  /** Subjects with an admitted entry on disk, made by the process that runs. */
  #admitted = new Set<string>();
  linkStatus: LinkStatus | null = null;
  /** What they showed last. */
  state: Signal | null = null;

  constructor(kiosk: string, world: Surroundings, reading: () => Reading | null) {
    this.#kiosk = kiosk;
    this.#world = world;
    this.#reading = reading;
  }

  /** How often one of the signals was shown. */
  counts(signals: readonly Signal[]): number {
    return signals.reduce((sum, signal) => sum + (this.#counts.get(signal) ?? 0), 0);
  }

  /** A new process begins with nothing to answer for. */
  reborn(): void {
    this.#unanswered = null;
    this.#admitted = new Set();
    this.linkStatus = null;
  }

  /** The outbox has an entry on disk. */
  kept(entry: LedgerEntry): void {
    this.#unanswered = entry;
    if (entry.admitted && entry.subject !== null) this.#admitted.add(entry.subject);
  }

  /** The indicator of one process; what a dead one shows, nobody sees. */
  indicatorOf(process: SimProcess): Indicator {
    return {
      board: 'working',
      show: (signal) => {
        if (process.alive) this.#show(signal);
      },
      async [Symbol.asyncDispose]() {},
    };
  }

  #show(signal: Signal): void {
    this.#counts.set(signal, (this.#counts.get(signal) ?? 0) + 1);
    this.#world.trace.add(this.#kiosk, 'shows', { signal });
    const { fail } = this.#world;
    switch (signal) {
      case 'admitted': {
        const entry = this.#unanswered;
        this.#unanswered = null;
        if (entry === null) {
          fail(`${this.#kiosk} showed admitted, and nothing new was on its disk`);
          return;
        }
        if (!entry.admitted) fail(`${this.#kiosk} showed admitted for ${entry.id}, which is a refusal`);
        if (entry.subject !== this.#subjectInHand()) fail(`${this.#kiosk} showed admitted for another person`);
        entry.shown = true;
        return;
      }
      case 'repeat': {
        const subject = this.#subjectInHand();
        if (subject === null || !this.#admitted.has(subject)) {
          fail(`${this.#kiosk} showed repeat to somebody whom it has not admitted`);
        }
        return;
      }
      case 'refused':
        this.#unanswered = null;
        return;
      case 'heard':
        return;
      default:
        this.state = signal;
        if (signal === 'ready' && this.linkStatus !== 'online') fail(`${this.#kiosk} showed ready while offline`);
    }
  }

  #subjectInHand(): string | null {
    const reading = this.#reading();
    if (reading?.type !== 'frame') return null;
    const code = readCode(reading.text, this.#world.rules.witness);
    return code.type === 'code' ? subjectOf(subjectKey, code.number) : null;
  }
}
