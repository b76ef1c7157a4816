/** What a broker is given. */
import type { KioskState, SiteNotice } from '../shared/entry.ts';
import type { Clock, Log } from '../shared/ports.ts';
import type { BrokerLimits } from './broker-limits.ts';
import type { Answers } from './questions.ts';
import type { GatewayCredentials } from './trust/authority.ts';
import type { Revocations } from './trust/revocations.ts';

export interface MqttOptions {
  /**
   * Takes an entry as it came. Resolves when it is on disk: then it is acknowledged. When it rejects, the kiosk is
   * disconnected and sends again.
   * @param sender the connection: the same object for everything that came over it.
   */
  readonly accept: (sender: object, kiosk: string, payload: Uint8Array) => Promise<void>;
  /** Hears what a kiosk says of itself, and its last will when it vanishes. */
  readonly onState: (kiosk: string, state: KioskState) => void;
  /** Retained for all kiosks, with the names of the questions that are answered. */
  readonly siteNotice: SiteNotice;
  /** What kiosks may ask; nothing unless given. */
  readonly answers?: Answers;
  readonly clock: Clock;
  readonly log: Log;
  /** Instead of `brokerLimits`, for tests. */
  readonly limits?: Partial<BrokerLimits>;
}

export interface BrokerOptions extends MqttOptions {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  readonly credentials: GatewayCredentials;
  /** Whose certificates are cut off; nobody's unless given. */
  readonly revocations?: Revocations;
}
