/** The questions that this gateway answers: one row each. */

import { leaveQuestion } from '../shared/orders.ts';
import type { Chance, Clock, Log } from '../shared/ports.ts';
import { renewQuestion } from '../shared/renewal.ts';
import { timeQuestion } from '../shared/time-question.ts';
import { openAudit } from './audit/audit.ts';
import { answerRenewals } from './enrol/renewal-answers.ts';
import { answerLeaves } from './enrol/resets.ts';
import type { TimeKeeper } from './time-keeper.ts';
import type { Trust } from './trust/authority.ts';

/**
 * Answers a question. Null says nothing, and the kiosk asks again later; so does a rejection, which is logged. It must
 * settle: until then the same kiosk's next question of that name is passed over.
 * @param kiosk who asks, as its certificate says.
 */
export type Answer = (kiosk: string, payload: Uint8Array) => Promise<Uint8Array | null>;

/** By name, see `questionNameSchema`. */
export type Answers = Readonly<Record<string, Answer>>;

export interface AnswersOptions {
  readonly dataDir: string;
  readonly trust: Trust;
  readonly keeper: Pick<TimeKeeper, 'answer'>;
  readonly clock: Clock;
  readonly chance: Chance;
  readonly log: Log;
}

/** All of them. To add one: a row here, and `link.ask(…)` at the kiosk. */
export function makeAnswers(options: AnswersOptions): Answers {
  const { trust, keeper, dataDir, clock } = options;
  const audit = openAudit(dataDir, { clock });
  const grant = (certPem: string) => trust.grant(certPem);
  return {
    [renewQuestion]: answerRenewals({ ...options, audit, grant, notice: () => trust.notice }),
    [timeQuestion]: async (_kiosk, payload) => keeper.answer(payload),
    [leaveQuestion]: answerLeaves({ ...options, audit }),
  };
}
