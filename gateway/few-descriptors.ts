import type { Log } from '../shared/ports.ts';
import { openFilesMax } from '../shared/system/descriptors.ts';
import type { BrokerLimits } from './broker-limits.ts';

/** What a gateway has open beside connections, generously. */
const otherFilesMax = 128;

/**
 * Says so when this process may open fewer files than its connections can take. Without one left nobody comes in, and
 * asking the listener again and again (libuv) takes a whole core until there is one.
 */
export function warnOfFewDescriptors({ connectionsMax, handshakesMax }: BrokerLimits, log: Log): void {
  const needed = connectionsMax + handshakesMax + otherFilesMax;
  const allowed = openFilesMax();
  if (allowed !== null && allowed < needed) log.warn('broker.few-descriptors', { allowed, needed });
}
