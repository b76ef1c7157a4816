/** What this kiosk knows when it reads a code: the one place where lists of cards and signers come together. */
import type { Known, KnownCards } from '../shared/code/known.ts';
import type { CertificateSigners } from './certificate-signers.ts';
import { type TimeSources, tellTime } from './timestamp.ts';

/** Where a kiosk's knowledge comes from. */
export interface Sources extends TimeSources {
  readonly cards: KnownCards;
  /** This kiosk's id, where it has one. */
  readonly kiosk?: string;
  readonly certificateSigners: CertificateSigners;
}

/** Makes the question that is asked at every scan: what is known now? */
export function createKnowledge({ cards, kiosk, certificateSigners, ...time }: Sources): () => Known {
  return () => {
    const { ms, trusted } = tellTime(time);
    return { nowMs: ms, clockSynced: trusted, cards, ...(kiosk !== undefined && { kiosk }), certificateSigners };
  };
}
