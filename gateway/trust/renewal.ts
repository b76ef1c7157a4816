/** Keeps a serving gateway's certificate fresh. */
import { describeError } from '../../shared/fault.ts';
import type { Clock, Log } from '../../shared/ports.ts';
import { keepLooking } from '../looking.ts';
import type { GatewayCredentials, Trust } from './authority.ts';

/**
 * How often the certificate is looked at. Often, because a Pi's clock jumps by months when it hears of the true time,
 * and because a new DHCP address should not wait; a look costs well under a millisecond.
 */
export const lookEveryMs = 60_000;

/**
 * Looks at the gateway's certificate every minute until disposed, and hands over a new one whenever it was renewed.
 * A failure is logged and tried again at the next look; the old certificate serves on.
 */
export function keepRenewed(options: {
  readonly trust: Pick<Trust, 'gatewayCredentials'>;
  readonly listenHost: string;
  /** What the gateway shows now. */
  readonly current: GatewayCredentials;
  readonly onRenewed: (credentials: GatewayCredentials) => void;
  readonly clock: Clock;
  readonly log: Log;
}): AsyncDisposable {
  const { trust, listenHost, onRenewed, clock, log } = options;
  let shown = options.current.certPem;
  const look = async () => {
    const credentials = await trust.gatewayCredentials(listenHost);
    if (credentials.certPem === shown) return;
    onRenewed(credentials);
    shown = credentials.certPem;
  };
  return keepLooking(look, {
    everyMs: lookEveryMs,
    first: 'later',
    clock,
    onFailure: (error) => log.warn('trust.renewal-failed', { error: describeError(error) }),
  });
}
