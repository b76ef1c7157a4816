/**
 * The one catalogue of operating errors. Each says what happened and what a person can do; `retryable` says whether
 * trying again later can help without anybody mending anything.
 */
export const faultCatalogue = {
  CONFIG_INVALID: {
    retryable: false,
    meaning: 'A setting is missing or wrong.',
    remedy: 'Mend the variables that the message lists, then start again.',
  },
  DATA_DIR_IN_USE: {
    retryable: false,
    meaning: 'Another process already works on this data directory.',
    remedy: 'Stop the other process, or give this one a RAVAO_DATA_DIR of its own.',
  },
  DATA_DIR_UNUSABLE: {
    retryable: false,
    meaning: 'The data directory cannot be created or written.',
    remedy: 'Check that the path exists, that its file system is mounted read-write, and who owns it.',
  },
  CREDENTIALS_INVALID: {
    retryable: false,
    meaning: 'The folder with the kiosk certificate is incomplete or does not fit together.',
    remedy: 'Run "enrol" on the gateway again and copy the whole folder to the kiosk.',
  },
  OUTBOX_CORRUPT: {
    retryable: false,
    meaning: 'The outbox file is damaged. It is left as it is, because it may hold entries that were never sent.',
    remedy: 'Copy the file away for recovery, replace the SD card, and only then move the file out of the way.',
  },
  OUTBOX_FULL: {
    retryable: true,
    meaning: 'The outbox holds as many unsent entries as it may, or the disk is nearly full.',
    remedy: 'Bring the connection to the gateway back, or free disk space. Until then new scans are refused.',
  },
  OUTBOX_WRITE_FAILED: {
    retryable: true,
    meaning: 'An entry could not be written to the outbox.',
    remedy: 'Check the disk: free space, read-only mount, kernel messages about I/O errors.',
  },
} as const satisfies Record<string, { retryable: boolean; meaning: string; remedy: string }>;

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
