/**
 * A real gateway, as a process, that ends itself with SIGKILL right after it has committed an entry and before the
 * PUBACK. It is configured by the gateway's own environment.
 */
import { readGatewayConfig } from '../../gateway/config.ts';
import { startGateway } from '../../gateway/gateway.ts';
import type { Store } from '../../gateway/store/store.ts';
import { systemChance } from '../../shared/system/chance.ts';
import { systemClock } from '../../shared/system/clock.ts';
import { createLog } from '../../shared/system/log.ts';

function dyingAfterCommit(store: Store): Store {
  return new Proxy(store, {
    get(target, name) {
      if (name !== 'append') {
        const value: unknown = Reflect.get(target, name, target);
        return typeof value === 'function' ? value.bind(target) : value;
      }
      return async (group: Parameters<Store['append']>[0]) => {
        await target.append(group);
        process.kill(process.pid, 'SIGKILL');
        return new Promise(() => {});
      };
    },
  });
}

const log = createLog('gateway', 'info');
const surroundings = { clock: systemClock, chance: systemChance, log, wrapStore: dyingAfterCommit };
const gateway = await startGateway(readGatewayConfig(process.env), surroundings);
log.info('gateway.ready', { port: gateway.port });
