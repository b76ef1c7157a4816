/** The questions of one connection: each waits for its answer, for so long, and for nothing that comes too late. */
import type { Clock, Log, Timer } from '../shared/ports.ts';
import { answerBytesMax, questionBytesMax } from '../shared/questions.ts';
import { answerTopic, askTopic } from '../shared/topics.ts';

/** What asks the gateway. */
export interface Asker {
  /**
   * Asks a question of `shared/questions.ts` and gives the answer; null when there is none: no connection, a gateway
   * that does not answer this, or not in time. Ask again later then, not at once. Never rejects. One at a time of each name.
   */
  ask(question: string, payload: Uint8Array): Promise<Uint8Array | null>;
}

export interface AskingParts {
  readonly kiosk: string;
  readonly clock: Clock;
  readonly log: Log;
  /** How long an answer may take, in milliseconds. */
  readonly timeoutMs: number;
  readonly publish: (topic: string, payload: Buffer) => void;
}

interface Question {
  readonly name: string;
  readonly payload: Buffer;
  /** Null until it is asked: the gateway has not said yet which questions it answers. */
  answerTopic: string | null;
  readonly timer: Timer;
  readonly resolve: (answer: Uint8Array | null) => void;
}

/**
 * An older gateway disconnects whoever publishes what it does not know, so nothing is asked before the site's notice says
 * that this one answers.
 */
export class Asking implements Asker {
  readonly #parts: AskingParts;
  readonly #questions = new Map<string, Question>();
  #answered: readonly string[] | null = null;
  #lastId = 0;
  #over = false;

  constructor(parts: AskingParts) {
    this.#parts = parts;
  }

  ask(name: string, payload: Uint8Array): Promise<Uint8Array | null> {
    const isRoom = !this.#over && !this.#questions.has(name) && payload.byteLength <= questionBytesMax;
    if (!isRoom) return Promise.resolve(null);
    const { clock, timeoutMs, log } = this.#parts;
    return new Promise((resolve) => {
      const timer = clock.after(timeoutMs, () => {
        log.debug('link.unanswered', { question: name });
        this.#settle(name, null);
      });
      const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
      this.#questions.set(name, { name, payload: bytes, answerTopic: null, timer, resolve });
      this.#askAll();
    });
  }

  /** The gateway has said which questions it answers. */
  noticed(answered: readonly string[]): void {
    this.#answered = answered;
    this.#askAll();
  }

  /** Whether a message was an answer that is waited for. */
  heard(topic: string, payload: Uint8Array): boolean {
    for (const question of this.#questions.values()) {
      if (question.answerTopic !== topic) continue;
      this.#settle(question.name, payload.byteLength <= answerBytesMax ? payload : null);
      return true;
    }
    return false;
  }

  /** The connection is gone, or about to go: nothing is answered any more. */
  end(): void {
    this.#over = true;
    for (const name of this.#questions.keys()) this.#settle(name, null);
  }

  #askAll(): void {
    if (this.#answered === null) return;
    const { kiosk, publish } = this.#parts;
    for (const question of this.#questions.values()) {
      if (question.answerTopic !== null) continue;
      if (this.#answered.includes(question.name)) {
        const id = (++this.#lastId).toString(36);
        question.answerTopic = answerTopic(kiosk, question.name, id);
        publish(askTopic(kiosk, question.name, id), question.payload);
      } else this.#settle(question.name, null);
    }
  }

  #settle(name: string, answer: Uint8Array | null): void {
    const question = this.#questions.get(name);
    this.#questions.delete(name);
    question?.timer[Symbol.dispose]();
    question?.resolve(answer);
  }
}
