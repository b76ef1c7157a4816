/** The questions that this gateway answers: one row each. */

/**
 * Answers a question. Null says nothing, and the kiosk asks again later; so does a rejection, which is logged. It must
 * settle: until then the same kiosk's next question of that name is passed over.
 * @param kiosk who asks, as its certificate says.
 */
export type Answer = (kiosk: string, payload: Uint8Array) => Promise<Uint8Array | null>;

/** By name, see `questionNameSchema`. */
export type Answers = Readonly<Record<string, Answer>>;
