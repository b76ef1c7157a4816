/**
 * A program that only forwards: `node test/fakes/forwarding-program.ts <data dir> <upstream URL>…`. For tests that kill
 * it. It says `forwarded` once every upstream has everything.
 */
import { createForwarder } from '../../gateway/forwarder.ts';
import { openSqliteStore } from '../../gateway/store/sqlite.ts';
import { openUpstream } from '../../gateway/upstream/open-upstream.ts';
import { parseUpstreamUrls } from '../../gateway/upstream/upstream-url.ts';
import { systemChance } from '../../shared/system/chance.ts';
import { systemClock } from '../../shared/system/clock.ts';
import { createLog } from '../../shared/system/log.ts';
import { sleep } from '../../shared/time.ts';

const [, , dir = '', ...urls] = process.argv;
const log = createLog('gateway', 'info');
const { targets } = parseUpstreamUrls(urls.join(' '), dir);
const store = await openSqliteStore({ dir, log });
const tls = { ca: null, cert: null, key: null };
const settings = { site: 'Site A', token: null, tls, version: '1.2.3', clock: systemClock, log };
const forwarders = await Promise.all(
  targets.map(async (target) => {
    const upstream = await openUpstream(target, settings);
    return createForwarder({ store, upstream, clock: systemClock, chance: systemChance, log });
  }),
);
for (;;) {
  const { upstreams } = await store.check();
  if (upstreams.length === targets.length && upstreams.every(({ waiting }) => waiting === 0)) break;
  await sleep(systemClock, 20);
}
log.info('forwarded');
for (const forwarder of forwarders) await forwarder[Symbol.asyncDispose]();
await store[Symbol.asyncDispose]();
