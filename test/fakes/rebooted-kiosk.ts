/**
 * A real kiosk, as a process, on a machine that no time server ever told the time. It takes its boot's id from
 * `TEST_BOOT`, and its monotonic time begins with the process. It scans standard input and is configured by the kiosk's
 * own environment.
 */
import { createLineScanner } from '../../hardware/scanner/line-scanner.ts';
import { runKiosk } from '../../kiosk/run-kiosk.ts';
import type { Clock } from '../../shared/ports.ts';
import { systemChance } from '../../shared/system/chance.ts';
import { systemClock } from '../../shared/system/clock.ts';
import { createLog } from '../../shared/system/log.ts';
import { RecordingIndicator } from './recording-indicator.ts';

const bootedMs = systemClock.monotonicMs();
const clock: Clock = { ...systemClock, monotonicMs: () => systemClock.monotonicMs() - bootedMs };

await runKiosk(
  {
    parsers: { scanner: (value) => ({ value }), board: (value) => ({ value }) },
    openScanner: async () => createLineScanner({ input: process.stdin }),
    openIndicator: () => new RecordingIndicator(),
  },
  process.env,
  (level) => createLog('kiosk', level),
  {
    clock,
    chance: systemChance,
    watchSync: () => ({ boot: process.env.TEST_BOOT ?? '', synced: () => false, [Symbol.dispose]() {} }),
  },
  new AbortController().signal,
);
