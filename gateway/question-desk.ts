/** Where kiosks' questions are taken: within limits, one at a time, and never at the cost of a connection. */
import type { SiteNotice } from '../shared/entry.ts';
import { describeError } from '../shared/fault.ts';
import type { Clock, Log } from '../shared/ports.ts';
import { answerBytesMax, questionBytesMax, questionsPerWindowMax, questionWindowMs } from '../shared/questions.ts';
import { answerTopic, readAskTopic } from '../shared/topics.ts';
import type { Answer, Answers } from './questions.ts';
import { SparseLog } from './sparse-log.ts';

/** Of a PUBLISH packet as it came, what a question is made of. */
interface Published {
  readonly topic: string;
  readonly payload: string | Buffer;
  retain: boolean;
}

/** The connection that asks. */
interface Connection {
  publish(
    packet: { cmd: 'publish'; topic: string; payload: Buffer; qos: 0; retain: false; dup: false },
    done: () => void,
  ): void;
}

/** Why a question stays without an answer. */
type Silence = 'unknown' | 'too-long' | 'too-many' | 'under-way' | 'failed' | 'answer-too-long';

/** What one kiosk does with one question: at most one for each kiosk and name, so their number is bounded. */
interface Asking {
  windowFromMs: number;
  count: number;
  underWay: boolean;
}

/** Takes questions and has them answered. A wrong, too long or too frequent one is passed over and logged once a minute. */
export class QuestionDesk {
  readonly #answers: Answers;
  readonly #clock: Clock;
  readonly #sparse: SparseLog;
  readonly #askings = new Map<string, Asking>();

  constructor({ answers = {}, clock, log }: { readonly answers?: Answers; readonly clock: Clock; readonly log: Log }) {
    this.#answers = answers;
    this.#clock = clock;
    this.#sparse = new SparseLog(clock, log, questionWindowMs);
  }

  /** The site's notice as kiosks hear it: a kiosk asks only what the gateway says it answers. */
  addNames(notice: SiteNotice): SiteNotice {
    const names = Object.keys(this.#answers);
    return names.length === 0 ? notice : { ...notice, answers: names };
  }

  /** Whether a packet was a question of the kiosk. The answer goes to the connection that asked and to no other. */
  take(kiosk: string, packet: Published, client: Connection): boolean {
    const asked = readAskTopic(kiosk, packet.topic);
    if (asked === null) return false;
    packet.retain = false;
    const { question, id } = asked;
    const bytes = packet.payload.length;
    const answer = Object.hasOwn(this.#answers, question) ? this.#answers[question] : undefined;
    if (answer === undefined) this.#pass(kiosk, question, 'unknown');
    else if (bytes > questionBytesMax) this.#pass(kiosk, question, 'too-long', { bytes });
    else {
      const say = (payload: Buffer) =>
        client.publish(
          { cmd: 'publish', topic: answerTopic(kiosk, question, id), payload, qos: 0, retain: false, dup: false },
          () => {},
        );
      this.#ask(kiosk, question, answer, Buffer.from(packet.payload), say);
    }
    return true;
  }

  #ask(kiosk: string, question: string, answer: Answer, payload: Buffer, say: (payload: Buffer) => void): void {
    const asking = this.#count(`${kiosk}/${question}`);
    if (asking.count > questionsPerWindowMax) this.#pass(kiosk, question, 'too-many');
    else if (asking.underWay) this.#pass(kiosk, question, 'under-way');
    else {
      asking.underWay = true;
      this.#settle(kiosk, question, answer, payload, say).finally(() => {
        asking.underWay = false;
      });
    }
  }

  async #settle(
    kiosk: string,
    question: string,
    answer: Answer,
    payload: Buffer,
    say: (payload: Buffer) => void,
  ): Promise<void> {
    try {
      const answered = await answer(kiosk, payload);
      if (answered === null) return;
      if (answered.byteLength <= answerBytesMax) say(Buffer.from(answered));
      else this.#pass(kiosk, question, 'answer-too-long', { bytes: answered.byteLength });
    } catch (error) {
      this.#pass(kiosk, question, 'failed', { error: describeError(error) });
    }
  }

  #count(key: string): Asking {
    const nowMs = this.#clock.monotonicMs();
    const asking = this.#askings.get(key) ?? { windowFromMs: nowMs, count: 0, underWay: false };
    if (nowMs - asking.windowFromMs >= questionWindowMs) Object.assign(asking, { windowFromMs: nowMs, count: 0 });
    asking.count++;
    this.#askings.set(key, asking);
    return asking;
  }

  #pass(kiosk: string, question: string, reason: Silence, fields: Record<string, unknown> = {}): void {
    const level = reason === 'failed' || reason === 'answer-too-long' ? 'error' : 'warn';
    this.#sparse.write(level, 'question.unanswered', `${kiosk} ${reason}`, { kiosk, question, reason, ...fields });
  }
}
