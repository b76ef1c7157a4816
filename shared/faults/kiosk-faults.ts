import type { FaultRow } from './fault-row.ts';

/** What can go wrong at a kiosk, and with what it is started with. */
export const kioskFaults = {
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
    remedy: 'Check that the path exists, that its file system has room and is mounted read-write, and who owns it.',
  },
  CREDENTIALS_INVALID: {
    retryable: false,
    meaning: 'The folder with the kiosk certificate is incomplete or does not fit together.',
    remedy: 'Run "enrol" on the gateway again and copy the whole folder to the kiosk.',
  },
  CREDENTIALS_ENDED: {
    retryable: true,
    meaning: 'The certificate of this kiosk has ended, so the gateway does not let it in. Scans are still kept.',
    remedy:
      'Check the date of this machine and of the gateway first. If they are right, run "enrol" on the gateway with the id of this kiosk and name the new folder in RAVAO_CREDENTIALS: then what it holds is sent.',
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
} as const satisfies Record<string, FaultRow>;
