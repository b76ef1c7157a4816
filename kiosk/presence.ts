import type { Direction } from '../shared/entry.ts';
import type { Passage } from './outbox.ts';

export interface Presence {
  readonly isCurrent: boolean;
  readonly inside: number | null;
  lastPassage(subject: string, own: Passage | null): Passage | null;
  passed(direction: Direction): void;
}
