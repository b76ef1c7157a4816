/**
 * A real kiosk, as a process, that ends itself with SIGKILL when it shows `admitted`: after the commit and before
 * anything is published. It scans standard input and is configured by the kiosk's own environment.
 */
import { createLineScanner } from '../../hardware/scanner/line-scanner.ts';
import { runKiosk } from '../../kiosk/run-kiosk.ts';
import { systemChance } from '../../shared/system/chance.ts';
import { systemClock } from '../../shared/system/clock.ts';
import { createLog } from '../../shared/system/log.ts';
import { RecordingIndicator } from './recording-indicator.ts';

await runKiosk(
  {
    parsers: { scanner: (value) => ({ value }), board: (value) => ({ value }) },
    openScanner: async () => createLineScanner({ input: process.stdin }),
    openIndicator: () =>
      new RecordingIndicator((signal) => {
        if (signal === 'admitted') process.kill(process.pid, 'SIGKILL');
      }),
  },
  process.env,
  (level) => createLog('kiosk', level),
  { clock: systemClock, chance: systemChance },
  new AbortController().signal,
);
