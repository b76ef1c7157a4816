/** Which time the kiosk goes by at this moment. */
import type { Entry } from '../shared/entry.ts';
import type { Clock } from '../shared/ports.ts';
import type { TimeSync } from '../shared/system/time-sync.ts';
import type { GatewayTime } from './gateway-time.ts';

/** A moment, and how it is known. */
export interface Timestamp {
  /** Milliseconds since the Unix epoch. */
  readonly ms: number;
  /** Whether it comes from a time server, the kiosk's own or the gateway's: what expires may be judged by it. */
  readonly trusted: boolean;
  /** What an entry says of it. */
  readonly clock: Entry['clock'];
}

export interface TimeSources {
  readonly clock: Clock;
  readonly timeSync: Pick<TimeSync, 'boot' | 'synced'>;
  /** Nothing is known of the gateway's time unless given. */
  readonly gatewayTime?: GatewayTime;
}

/** The machine's own clock where it is synchronised; else what the gateway has told; else the machine's own after all. */
export function tellTime({ clock, timeSync, gatewayTime }: TimeSources): Timestamp {
  const synced = timeSync.synced();
  const stamp = { synced, boot: timeSync.boot, monotonicMs: clock.monotonicMs() };
  const told = synced ? null : (gatewayTime?.now() ?? null);
  if (told === null) return { ms: clock.nowMs(), trusted: synced, clock: stamp };
  const { ms, errorMs } = told;
  return { ms: Math.round(ms), trusted: true, clock: { ...stamp, source: 'gateway', errorMs: Math.ceil(errorMs) } };
}
