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
    super(`${code}: ${meaning} ${detail}`, options);
    this.code = code;
    this.retryable = retryable;
    this.remedy = remedy;
  }
}

/** The message of anything thrown, with the causes behind it, on one line. */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const message = error.message === '' ? error.name : error.message;
  return error.cause === undefined ? message : `${message} (${describeError(error.cause)})`;
}
