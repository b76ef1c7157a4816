import type { FaultRow } from './fault-row.ts';

/** What can go wrong with certificates, keys, enrolment and printed cards. */
export const trustFaults = {
  KIOSK_UNKNOWN: {
    retryable: false,
    meaning: 'No kiosk of that id was ever enrolled here, nor is one invited.',
    remedy: 'See with "kiosks" which there are.',
  },
  KIOSK_NOT_ENROLLED: {
    retryable: false,
    meaning:
      'That kiosk has no certificate that is good: it was cut off, or has left after a reset, or has not come yet.',
    remedy:
      'See with "kiosks" how it stands. One that was cut off hears nothing any more: run "reset" on the kiosk itself, then invite it anew.',
  },
  INVITATION_EXISTS: {
    retryable: false,
    meaning: 'There is a file of that name, which may be an invitation that is still open. Nothing was done.',
    remedy: 'Name another file, or delete that one first.',
  },
  TRUST_DAMAGED: {
    retryable: false,
    meaning: "The site's certificates and keys are incomplete or do not fit together. They are left as they are.",
    remedy:
      'Put the named file back from a backup of the trust folder. Without one, move the whole trust folder away, start again, and enrol every kiosk anew.',
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
  LIST_UNREADABLE: {
    retryable: false,
    meaning: 'The file of the list cannot be read. Nothing of it was taken.',
    remedy: 'Check its name and its folder, and that you may read it.',
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
    remedy: 'Check the disk: free space, kernel messages about I/O errors, whether the file system is mounted.',
  },
  REGISTER_WRITE_FAILED: {
    retryable: true,
    meaning: 'The register of cards could not be written. Nothing of this was registered or printed.',
    remedy: 'Check the disk: free space, read-only mount, kernel messages about I/O errors. Then run it again.',
  },
} as const satisfies Record<string, FaultRow>;
