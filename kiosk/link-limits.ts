import type { RetryPlan } from '../shared/retry.ts';
import type { StateReportTimes } from './state-report.ts';

/** How long the link waits for what, and how much it takes at once. */
export interface LinkLimits extends StateReportTimes {
  /** Entries under way at once. */
  readonly windowMax: number;
  /** How long an entry may go unacknowledged before the connection is given up, in milliseconds. */
  readonly ackTimeoutMs: number;
  /** How long connecting may take, from the first packet to the gateway's CONNACK, in milliseconds. */
  readonly connectTimeoutMs: number;
  /** The gateway is asked for a sign of life after this many seconds of silence, and given up after half as many more. */
  readonly keepaliveS: number;
  /** A connection that lasted this long was a good one: the next delay is the first again. */
  readonly stableMs: number;
  /** How long a clean stop may take, in milliseconds. */
  readonly stopTimeoutMs: number;
  /** How long to wait after the outbox failed to forget, in milliseconds. */
  readonly forgetRetryMs: number;
  /** How long the answer to a question may take, in milliseconds. */
  readonly askTimeoutMs: number;
  /** A longer notice of the site is ignored, in bytes. */
  readonly noticeBytesMax: number;
  /** A gateway that sends this many bytes without completing a packet is given up. */
  readonly packetBytesMax: number;
  readonly retry: RetryPlan;
}

export const linkLimits: LinkLimits = {
  windowMax: 16,
  ackTimeoutMs: 10_000,
  connectTimeoutMs: 10_000,
  keepaliveS: 30,
  stableMs: 30_000,
  stopTimeoutMs: 2_000,
  forgetRetryMs: 1_000,
  askTimeoutMs: 15_000,
  noticeBytesMax: 4_096,
  packetBytesMax: 256 * 1024,
  stateEveryMs: 60_000,
  stateGapMs: 1_000,
  retry: { firstMs: 500, factor: 2, maxMs: 30_000, jitter: 0.5 },
};
