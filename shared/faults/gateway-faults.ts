import type { FaultRow } from './fault-row.ts';

/** What can go wrong with a gateway's entries: taking, keeping, listing and forwarding them. */
export const gatewayFaults = {
  LISTEN_FAILED: {
    retryable: false,
    meaning: 'The gateway cannot listen for kiosks.',
    remedy:
      'Stop whatever else uses the port, or set RAVAO_MQTT_HOST and RAVAO_MQTT_PORT to an address of this machine and a free port above 1023.',
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
  SITE_MISSING: {
    retryable: false,
    meaning: 'There is no site in this data directory: it has no trust folder. Nothing was made.',
    remedy:
      'Check RAVAO_DATA_DIR. A site begins when the gateway first serves, or with "enrol" or "invite". If one was here, put its trust folder back from a backup.',
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
    remedy: 'Check the disk: free space, kernel messages about I/O errors, whether the file system is mounted.',
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
  UPSTREAM_TLS_INVALID: {
    retryable: false,
    meaning: 'The certificate files for the upstream cannot be used.',
    remedy:
      'Check the files that RAVAO_UPSTREAM_CA, RAVAO_UPSTREAM_CERT and RAVAO_UPSTREAM_KEY name: PEM, readable, the key that of the certificate.',
  },
} as const satisfies Record<string, FaultRow>;
