/** What every part of a simulated world is given. */
import type { Chance, Log } from '../../shared/ports.ts';
import type { CommitHooks } from './disk.ts';
import type { Ledger } from './ledger.ts';
import type { SimNetwork } from './network.ts';
import type { SiteRules } from './site-rules.ts';
import type { SiteTrust } from './site-trust.ts';
import type { Timeline } from './timeline.ts';
import type { Trace } from './trace.ts';

export interface Surroundings {
  readonly timeline: Timeline;
  readonly chance: Chance;
  readonly trace: Trace;
  readonly ledger: Ledger;
  readonly network: SimNetwork;
  readonly hooks: CommitHooks;
  readonly rules: SiteRules;
  readonly siteTrust: SiteTrust;
  /** Where all of the world's files are. */
  readonly dir: string;
  /** The site's key that is announced and sealed to now. */
  readonly siteKeyId: string;
  logOf(actor: string): Log;
  /** A fault has taken effect. */
  happened(fault: string, actor: string): void;
  /** A promise was broken: the run ends. */
  fail(promise: string): void;
}
