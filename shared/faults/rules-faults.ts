import type { FaultRow } from './fault-row.ts';

/** What can go wrong with the site's own rules at the gateway. */
export const rulesFaults = {
  SITE_RULES_BUSY: {
    retryable: true,
    meaning: "Another command is working on the site's rules.",
    remedy: 'Run it again when the other one is done.',
  },
  SITE_RULES_DAMAGED: {
    retryable: false,
    meaning: "A file of the site's rules cannot be read. It is left as it is, and kiosks go on by what they were told.",
    remedy: 'Put the named file back from a backup. Without one, move it away, and say anew what was in it.',
  },
} as const satisfies Record<string, FaultRow>;
