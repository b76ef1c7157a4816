/** What this kiosk knows when it reads a code: the one place where lists of cards and signers come together. */
import type { Known, KnownCards } from '../shared/code/known.ts';
import type { Clock } from '../shared/ports.ts';
import type { CertificateSigners } from './certificate-signers.ts';

/** Where a kiosk's knowledge comes from. */
export interface Sources {
  readonly clock: Clock;
  /** Whether that clock is synchronised now. */
  readonly clockSynced: () => boolean;
  readonly cards: KnownCards;
  /** This kiosk's id, where it has one. */
  readonly kiosk?: string;
  readonly certificateSigners: CertificateSigners;
}

/** Makes the question that is asked at every scan: what is known now? */
export function createKnowledge({ clock, clockSynced, cards, kiosk, certificateSigners }: Sources): () => Known {
  return () => ({
    nowMs: clock.nowMs(),
    clockSynced: clockSynced(),
    cards,
    ...(kiosk !== undefined && { kiosk }),
    certificateSigners,
  });
}
