/**
 * A program, as small as a kiosk: loads the rules that a kiosk kept and looks cards up. Arguments: the kiosk's data
 * directory, how many lists' items there are, how many lookups. Logs `bench.lookups` with milliseconds.
 */
import { preferMemoryToSpeed } from '../../shared/system/memory.ts';

preferMemoryToSpeed(); // as kiosk/main.ts does, before anything else is loaded
const [{ openRules }, { systemChance }, { systemClock }, { createLog }, { itemOf }, { percentile }] = await Promise.all(
  [
    import('../../kiosk/rules.ts'),
    import('../../shared/system/chance.ts'),
    import('../../shared/system/clock.ts'),
    import('../../shared/system/log.ts'),
    import('./made-card-lists.ts'),
    import('./result.ts'),
  ],
);

const [dir = '', count, lookups] = process.argv.slice(2);
const log = createLog('kiosk', 'info');
const elapsedMs = (sinceNs: bigint) => Number(process.hrtime.bigint() - sinceNs) / 1e6;

const loadedNs = process.hrtime.bigint();
await using rules = await openRules({
  ...{ dir, kiosk: 'gate-0', onStateChanged: () => undefined, clock: systemClock, chance: systemChance, log },
});
const loadMs = elapsedMs(loadedNs);

/** Half of them are revoked, half are of nobody; each asks for the card and for its number, as a scan may. */
const timesMs: number[] = [];
let found = 0;
for (let lookup = 0; lookup < Number(lookups); lookup++) {
  const place = Math.floor(systemChance.fraction() * Number(count)) + (lookup % 2) * Number(count);
  const id = itemOf('revoked', place);
  const startedNs = process.hrtime.bigint();
  if (rules.cards.isRevoked(id)) found++;
  rules.cards.issuerOfNumber(place);
  timesMs.push(elapsedMs(startedNs));
}
const { revoked } = rules.state;
log.info('bench.lookups', {
  loadMs,
  revoked,
  found,
  p50: percentile(timesMs, 0.5),
  p99: percentile(timesMs, 0.99),
  max: Math.max(...timesMs),
});
