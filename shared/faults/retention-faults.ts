import type { FaultRow } from './fault-row.ts';

/** What can go wrong with deleting, backups and a person's requests. */
export const retentionFaults = {
  RETENTION_BUSY: {
    retryable: true,
    meaning: 'Something else deletes from this data directory, or copies it, just now. Nothing was done.',
    remedy: 'Wait until the other command, or the purge that the gateway does once a day, has come to its end.',
  },
  UPSTREAM_UNKNOWN: {
    retryable: false,
    meaning: 'No upstream of that name ever took anything here. Nothing was deleted.',
    remedy: 'See with "check" which there are, and name one just as it stands there.',
  },
  BACKUP_FAILED: {
    retryable: false,
    meaning: 'The backup could not be made. Nothing of it was left behind.',
    remedy: 'Check that the folder is not there yet, that its parent may be written and has room, then run it again.',
  },
  PERSON_FAILED: {
    retryable: false,
    meaning: 'What a person asked for could not be done to its end. What was done is in the audit.',
    remedy: 'Mend what the message names, then run the same command again: what was done is not done twice.',
  },
  INCIDENT_FAILED: {
    retryable: false,
    meaning: 'The pack for the notice could not be written.',
    remedy: 'Check that the folder is not there yet, that its parent may be written and has room, then run it again.',
  },
} as const satisfies Record<string, FaultRow>;
