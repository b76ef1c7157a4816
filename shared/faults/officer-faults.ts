import type { FaultRow } from './fault-row.ts';

/** What can go wrong with the key that opens identities, and with opening them. */
export const officerFaults = {
  KEY_FILE_INVALID: {
    retryable: false,
    meaning: "The file of the site's wrapped private keys cannot be used. It is left as it is.",
    remedy: 'Check the path: it is the file that "site-key export" wrote, for --key-file as for "site-key import".',
  },
  KEY_FILE_NEWER: {
    retryable: false,
    meaning: "The file of the site's wrapped private keys was written by a newer version of Ravao.",
    remedy: 'Install that version again, or a later one. Nothing was changed.',
  },
  KEY_FILE_FOREIGN: {
    retryable: false,
    meaning: "The file of wrapped private keys does not hold this site's key. Nothing was changed.",
    remedy: 'Check RAVAO_DATA_DIR, and that the file is the one that "site-key export" wrote on this gateway.',
  },
  KEY_FILE_EXISTS: {
    retryable: false,
    meaning: 'There is another file in that place, which may be the only one of its kind. Nothing was changed.',
    remedy: 'Name another file, or move that one to a safe place first.',
  },
  KEY_FILE_UNWRITTEN: {
    retryable: false,
    meaning: "The file of the site's wrapped private keys could not be written.",
    remedy: 'Check that the folder exists, may be written and has room, then run the command again: nothing is lost.',
  },
  PASSPHRASE_BUSY: {
    retryable: true,
    meaning: 'Another command is trying a passphrase, or changes how keys are kept. One at a time may.',
    remedy: 'Run it again when the other one is done. If you started none, somebody else did: look at "audit".',
  },
  PASSPHRASE_UNASKED: {
    retryable: false,
    meaning: 'The passphrase of the health officer is needed and there is no way to ask for it.',
    remedy:
      'Run the command at a terminal (over SSH: ssh -t), or name a file that only you can read with --passphrase-file; /dev/stdin is a pipe.',
  },
  UNSEAL_FAILED: {
    retryable: false,
    meaning: 'The table of names could not be written. Nothing of it was left.',
    remedy: 'Name a file that does not exist yet, in a folder that exists, may be written and has room.',
  },
} as const satisfies Record<string, FaultRow>;
