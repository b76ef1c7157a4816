/**
 * A program: the gateway's broker with the rules of a register of as many cards as its third argument says. Arguments:
 * the gateway's data directory, the port, the count. Each line of input revokes one card more.
 */

import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { startBroker } from '../../gateway/broker.ts';
import { publishRules } from '../../gateway/rules.ts';
import { openTrust } from '../../gateway/trust/authority.ts';
import { systemClock as clock } from '../../shared/system/clock.ts';
import { createLog } from '../../shared/system/log.ts';
import { MadeCardLists } from './made-card-lists.ts';

const [dataDir = '', port, count] = process.argv.slice(2);
const log = createLog('gateway', 'info');
const lists = new MadeCardLists(Number(count));
const trust = await openTrust(join(dataDir, 'trust'), { site: 'bench', clock, log });
const host = '127.0.0.1';
const broker = await startBroker({
  ...{ host, port: Number(port), credentials: await trust.gatewayCredentials(host) },
  ...{ accept: async () => undefined, onState: () => undefined, siteNotice: trust.notice, clock, log },
});
const rules = publishRules({ lists, announcements: broker.announcements, clock, log });
createInterface({ input: process.stdin }).on('line', () => lists.revoke());
process.once('SIGTERM', async () => {
  await rules[Symbol.asyncDispose]();
  await broker[Symbol.asyncDispose]();
  process.exitCode = 0;
  process.stdin.destroy();
});
