/** With which certificate each kiosk came last: by that it is known which keys it has. */
import { describeError } from '../../shared/fault.ts';
import type { Clock, Log, Timer } from '../../shared/ports.ts';
import type { Trust } from '../trust/authority.ts';

/** A kiosk that goes to and fro between two certificates is written down this often, in milliseconds. */
export const noteEveryMs = 60_000;

interface Noted {
  /** What stands in the file, or is about to. */
  serial: string;
  atMs: number;
  /** What came too soon after that, to be written down when the time has come. */
  due: { readonly serial: string; readonly timer: Timer } | null;
}

/** Writes down what is new. A disk that fails costs an answer to a question, so it is logged; the next time is another try. */
export class CertificateUses implements AsyncDisposable {
  readonly #trust: Pick<Trust, 'noteUse'>;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #noted: Map<string, Noted>;
  #writing: Promise<void> = Promise.resolve();
  #changedMs = Number.NEGATIVE_INFINITY;

  /** Begins with what was written down before. Throws the Fault DATA_DIR_UNUSABLE. */
  static async open(trust: Pick<Trust, 'used' | 'noteUse'>, clock: Clock, log: Log): Promise<CertificateUses> {
    const before = (await trust.used()).map(({ kiosk, serial }): [string, Noted] => [
      kiosk,
      { serial, atMs: Number.NEGATIVE_INFINITY, due: null },
    ]);
    return new CertificateUses(trust, clock, log, new Map(before));
  }

  private constructor(trust: Pick<Trust, 'noteUse'>, clock: Clock, log: Log, noted: Map<string, Noted>) {
    this.#trust = trust;
    this.#clock = clock;
    this.#log = log;
    this.#noted = noted;
  }

  /** A kiosk came. @param certificate the serial number of its certificate, hexadecimal. */
  note(kiosk: string, certificate: string): void {
    const serial = certificate.toLowerCase();
    const noted = this.#noted.get(kiosk);
    noted?.due?.timer[Symbol.dispose]();
    if (noted !== undefined) noted.due = null;
    if (noted?.serial === serial) return;
    const nowMs = this.#clock.monotonicMs();
    this.#changedMs = nowMs;
    const waitMs = noted === undefined ? 0 : noted.atMs + noteEveryMs - nowMs;
    if (noted !== undefined && waitMs > 0) {
      noted.due = { serial, timer: this.#clock.after(waitMs, () => this.note(kiosk, serial)) };
      return;
    }
    this.#noted.set(kiosk, { serial, atMs: nowMs, due: null });
    this.#writing = this.#writing
      .then(() => this.#trust.noteUse(kiosk, serial))
      .catch((error: unknown) => {
        this.#noted.delete(kiosk);
        this.#log.error('keys.use-unwritten', { kiosk, error: describeError(error) });
      });
  }

  /** Whether all that came is written down, and nothing new came for so long, in milliseconds. */
  async isSettled(quietMs: number): Promise<boolean> {
    await this.#writing;
    const isDue = [...this.#noted.values()].some(({ due }) => due !== null);
    return !isDue && this.#clock.monotonicMs() - this.#changedMs >= quietMs;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { due } of this.#noted.values()) due?.timer[Symbol.dispose]();
    await this.#writing;
  }
}
