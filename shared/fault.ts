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
  OUTBOX_SCHEMA_NEWER: {
    retryable: false,
    meaning: 'The outbox was written by a newer version of this program.',
    remedy: 'Install that version again and let it send everything before going back to this one.',
  },
  OUTBOX_FOREIGN: {
    retryable: false,
    meaning: 'The outbox belongs to another kiosk: an SD card was moved, or the kiosk was renamed.',
    remedy:
      'Start with the id and the credentials of the kiosk that the outbox belongs to until it is empty, then move the file out of the way.',
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
  RULES_DAMAGED: {
    retryable: true,
    meaning: "The kiosk's copy of the gateway's lists is damaged. What can be read of the revoked cards stays refused.",
    remedy: 'Nothing at first: it is fetched again from the gateway. If it comes back, replace the SD card.',
  },
  RULES_WRITE_FAILED: {
    retryable: true,
    meaning: "The gateway's lists could not be written. They hold until the kiosk stops.",
    remedy: 'Check the disk: free space, read-only mount, kernel messages about I/O errors. It is tried again.',
  },
  BOARD_LOST: {
    retryable: true,
    meaning: 'The board with the lights and the buzzer does not answer. Scans are taken and kept all the same.',
    remedy: 'Check its cable and power, and that RAVAO_BOARD names it; it is tried again until it is back.',
  },
  RESET_UNSENT: {
    retryable: false,
    meaning: 'The kiosk holds entries that were never sent. It is left as it is.',
    remedy:
      'Start it where it reaches its gateway until it has sent everything. Or say --force: then they are kept aside in a file, and never sent.',
  },
  KIOSK_UNKNOWN: {
    retryable: false,
    meaning: 'No kiosk of that id was ever enrolled here, nor is one invited.',
    remedy: 'See with "kiosks" which there are.',
  },
  TRUST_DAMAGED: {
    retryable: false,
    meaning: "The site's certificates and keys are incomplete or do not fit together. They are left as they are.",
    remedy:
      'Put the named file back from a backup of the trust folder. Without one, move the whole trust folder away, start again, and enrol every kiosk anew.',
  },
  LISTEN_FAILED: {
    retryable: false,
    meaning: 'The gateway cannot listen for kiosks.',
    remedy:
      'Stop whatever else uses the port, or set RAVAO_MQTT_HOST and RAVAO_MQTT_PORT to an address of this machine and a free port above 1023.',
  },
  KIOSK_ID_INVALID: {
    retryable: false,
    meaning: 'That cannot be the id of a kiosk.',
    remedy: 'Use 1 to 63 lower-case letters, digits or inner hyphens, for example gate-a.',
  },
  KIOSK_ID_TAKEN: {
    retryable: false,
    meaning: 'That is the id of a kiosk at a gate; paper cannot pass for it.',
    remedy: 'Leave --kiosk out, or use an id that no machine has.',
  },
  ENROL_EXISTS: {
    retryable: false,
    meaning: "The folder already holds a kiosk's certificate or key. Nothing was changed.",
    remedy: 'Name another folder, or say --force to replace the files.',
  },
  ENROL_FAILED: {
    retryable: false,
    meaning: "The folder for the kiosk's certificate cannot be written.",
    remedy: 'Check that the path exists, that its file system has room and is mounted read-write, and who owns it.',
  },
  ISSUER_DAMAGED: {
    retryable: false,
    meaning: 'The key that signs printed cards is missing, or does not fit its public file. Both are left as they are.',
    remedy:
      'Put issuer.key.pem and issuer.json back from a backup of the trust folder. Without one, move issuer.json into the folder trust/issuers: cards that were printed stay valid, and a new key is made for the next.',
  },
  ISSUER_FILE_INVALID: {
    retryable: false,
    meaning: 'That is not the public file of a place that issues cards.',
    remedy: 'Ask the other place for what its "cards issuer" prints, or take the named file out of trust/issuers.',
  },
  PEOPLE_FILE_INVALID: {
    retryable: false,
    meaning: 'The list of people cannot be used. No card was issued.',
    remedy:
      'In Excel choose File, Save As, "CSV UTF-8 (Comma delimited)". The first row holds the names of the columns: name birth_year number phone address code, or ho_ten nam_sinh so_giay_to dien_thoai dia_chi ma.',
  },
  PRINT_FAILED: {
    retryable: false,
    meaning: 'The PDF could not be written.',
    remedy:
      'Check that the folder exists, may be written and has room, then run the same command again: no card is issued twice, and those that were issued are printed.',
  },
  REGISTER_BUSY: {
    retryable: true,
    meaning: 'Another command is working on the register of cards.',
    remedy: 'Run it again when the other one is done.',
  },
  REGISTER_CORRUPT: {
    retryable: false,
    meaning: 'The register of cards is damaged. It is left as it is.',
    remedy:
      'Put cards.db back from a backup. Cards go on being taken at the gates; those revoked since the backup must be revoked again.',
  },
  REGISTER_MISSING: {
    retryable: false,
    meaning: 'The register of cards is gone, but the key that cards were signed with is here.',
    remedy:
      'Put cards.db back from a backup. Without one, move issuer.key.pem away and issuer.json into the folder trust/issuers: cards that were printed stay valid but cannot be revoked, and a new key is made for the next.',
  },
  REGISTER_SCHEMA_NEWER: {
    retryable: false,
    meaning: 'The register of cards was written by a newer version of Ravao.',
    remedy: 'Install that version again, or a later one. Nothing was changed.',
  },
  REGISTER_READ_FAILED: {
    retryable: true,
    meaning: 'The register of cards could not be read.',
    remedy: 'Check the disk: kernel messages about I/O errors, whether the file system is mounted.',
  },
  REGISTER_WRITE_FAILED: {
    retryable: true,
    meaning: 'The register of cards could not be written. Nothing of this was registered or printed.',
    remedy: 'Check the disk: free space, read-only mount, kernel messages about I/O errors. Then run it again.',
  },
  AUDIT_READ_FAILED: {
    retryable: true,
    meaning: 'The audit could not be read.',
    remedy: 'Check who owns audit.jsonl and trust/audit-head.json, and the disk: kernel messages about I/O errors.',
  },
  AUDIT_WRITE_FAILED: {
    retryable: true,
    meaning: 'The audit could not be written, and what may not happen unrecorded was not done.',
    remedy:
      'Check who owns audit.jsonl and the trust folder, free space, and kernel messages about I/O errors. Where there is no trust folder yet, start the gateway once.',
  },
  STORE_CORRUPT: {
    retryable: false,
    meaning: 'The store is damaged. It is left as it is, because it may hold entries that are nowhere else.',
    remedy:
      'Stop the gateway, copy the file and its -wal file away together for recovery, and only then move them out of the way.',
  },
  STORE_MISSING: {
    retryable: false,
    meaning: 'There is no store in this data directory.',
    remedy: 'Check RAVAO_DATA_DIR. The store is made when the gateway first serves.',
  },
  STORE_SCHEMA_NEWER: {
    retryable: false,
    meaning: 'The store was written by a newer version of Ravao.',
    remedy: 'Install that version again, or a later one. Nothing was changed.',
  },
  STORE_SCHEMA_OLDER: {
    retryable: false,
    meaning: 'The store was written by an older version of Ravao, and reading it must not change it.',
    remedy: 'Start the gateway of this version once, so that it brings the store up to date.',
  },
  STORE_READ_FAILED: {
    retryable: true,
    meaning: 'The store could not be read.',
    remedy: 'Check the disk: kernel messages about I/O errors, whether the file system is mounted.',
  },
  STORE_WRITE_FAILED: {
    retryable: true,
    meaning: 'The store could not be written. Nothing of it was acknowledged, so the kiosks keep it and send it again.',
    remedy: 'Check the disk: free space, read-only mount, kernel messages about I/O errors.',
  },
  GATEWAY_UNREACHABLE: {
    retryable: true,
    meaning: 'The gateway of this data directory does not take the entries.',
    remedy:
      'Start the gateway, check that RAVAO_MQTT_HOST and RAVAO_MQTT_PORT are the same for this command, then run the command again: what was taken is not taken twice.',
  },
  PAPER_LIST_INVALID: {
    retryable: false,
    meaning: 'The written list cannot be used. Nothing of it was taken.',
    remedy:
      'In Excel choose File, Save As, "CSV UTF-8 (Comma delimited)". The first line names the columns: thoi_gian chieu ho_ten nam_sinh so_giay_to dien_thoai, or time direction name birth_year number phone.',
  },
  REPORT_FAILED: {
    retryable: false,
    meaning: 'The report could not be written.',
    remedy: 'Check that the folder exists, may be written and has room, then run the command again.',
  },
  QUARANTINE_FULL: {
    retryable: false,
    meaning:
      'A kiosk has filled its part of the quarantine. What it sends that cannot be understood is not taken any more.',
    remedy: 'See with "quarantine" what it sends, then update, repair or revoke that kiosk.',
  },
  INTAKE_OVERLOADED: {
    retryable: true,
    meaning: 'More entries wait for the disk than the gateway may hold in memory.',
    remedy: 'Nothing at first: the kiosks send again. If it stays, the disk is too slow for this many kiosks.',
  },
  INTAKE_STOPPING: {
    retryable: true,
    meaning: 'The gateway is stopping and takes no more entries.',
    remedy: 'Nothing: the kiosks send again when it is back.',
  },
  SCANNER_NOT_FOUND: {
    retryable: true,
    meaning: 'No scanner is plugged in where one is looked for.',
    remedy: 'Plug the scanner in, set to USB-COM (serial) mode, or name its port in RAVAO_SCANNER.',
  },
  SCANNER_OPEN_FAILED: {
    retryable: true,
    meaning: "The scanner's port cannot be opened.",
    remedy:
      'Check that no other program, nor a second kiosk, has it open and that the user may use it (group dialout).',
  },
  SCANNER_LOST: {
    retryable: true,
    meaning: 'The scanner was unplugged or its port broke.',
    remedy: 'Plug it in again. If it keeps being lost, try another cable, another USB port or a stronger power supply.',
  },
  UPSTREAM_TLS_INVALID: {
    retryable: false,
    meaning: 'The certificate files for the upstream cannot be used.',
    remedy:
      'Check the files that RAVAO_UPSTREAM_CA, RAVAO_UPSTREAM_CERT and RAVAO_UPSTREAM_KEY name: PEM, readable, the key that of the certificate.',
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
