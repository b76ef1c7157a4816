/**
 * A program: the real kiosk with a real serial scanner, whose lights only write down when they were told. Settings come
 * from the kiosk's environment. Logs `shown` with the signal and CLOCK_MONOTONIC in nanoseconds.
 */
import { createSerialScanner } from '../../hardware/scanner/serial-scanner.ts';
import { runKiosk } from '../../kiosk/run-kiosk.ts';
import { systemChance } from '../../shared/system/chance.ts';
import { systemClock } from '../../shared/system/clock.ts';
import { createLog } from '../../shared/system/log.ts';
import { preferMemoryToSpeed } from '../../shared/system/memory.ts';
import { RecordingIndicator } from '../fakes/recording-indicator.ts';

preferMemoryToSpeed(); // as kiosk/main.ts does
const stop = new AbortController();
process.once('SIGTERM', () => stop.abort());

const indicator = new RecordingIndicator((signal) => {
  // The time is taken before the line is written: the line's way to the benchmark is no part of the measure.
  const atNs = process.hrtime.bigint();
  process.stdout.write(`{"event":"shown","signal":"${signal}","atNs":"${atNs}"}\n`);
});

await runKiosk(
  {
    parsers: { scanner: (path: string) => ({ value: path }), board: () => ({ value: null }) },
    openScanner: async (path, _board, surroundings) =>
      createSerialScanner({ name: path, find: async () => path, baudRate: 115_200, ...surroundings }),
    openIndicator: () => indicator,
  },
  process.env,
  (level) => createLog('kiosk', level),
  { clock: systemClock, chance: systemChance },
  stop.signal,
);
