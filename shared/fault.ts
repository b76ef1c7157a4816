/** Operating errors. Their kinds are listed in `faults/`. */
import { gatewayFaults } from './faults/gateway-faults.ts';
import { kioskFaults } from './faults/kiosk-faults.ts';
import { officerFaults } from './faults/officer-faults.ts';
import { retentionFaults } from './faults/retention-faults.ts';
import { rulesFaults } from './faults/rules-faults.ts';
import { trustFaults } from './faults/trust-faults.ts';

/** The one catalogue: what happened, what a person can do, and whether trying again later can help by itself. */
export const faultCatalogue = {
  ...kioskFaults,
  ...trustFaults,
  ...officerFaults,
  ...gatewayFaults,
  ...retentionFaults,
  ...rulesFaults,
} as const;

export type FaultCode = keyof typeof faultCatalogue;

/** An operating error with a code from the catalogue. Not for expected outcomes (return values) nor for bugs (crash). */
export class Fault extends Error {
  override readonly name = 'Fault';
  readonly code: FaultCode;
  /** Whether trying again later can help by itself. */
  readonly retryable: boolean;
  /** What a person can do about it. */
  readonly remedy: string;

  /** @param detail names the thing at fault (a path, a variable, a peer); never a person's data. */
  constructor(code: FaultCode, detail: string, options?: ErrorOptions) {
    const { meaning, remedy, retryable } = faultCatalogue[code];
    // A list of problems begins on a line of its own.
    super(`${code}: ${meaning}${/^(?:\n|$)/.test(detail) ? '' : ' '}${detail}`, options);
    this.code = code;
    this.retryable = retryable;
    this.remedy = remedy;
  }
}

/** The message of anything thrown, with the causes behind it that it does not quote itself, on one line. */
export function describeError(error: unknown): string {
  const message = messageOf(error);
  let cause = causeOf(error);
  while (cause !== undefined && message.includes(messageOf(cause))) cause = causeOf(cause);
  return cause === undefined ? message : `${message} (${describeError(cause)})`;
}

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.message === '' ? error.name : error.message;
}

function causeOf(error: unknown): unknown {
  return error instanceof Error ? error.cause : undefined;
}
