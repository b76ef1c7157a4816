import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Kiosk, type KioskParts } from '../../kiosk/kiosk.ts';
import { type Outbox, openOutbox } from '../../kiosk/outbox.ts';
import type { StationSettings } from '../../kiosk/station.ts';
import { nothingKnown } from '../../shared/code/known.ts';
import { decodeEntry, type Entry } from '../../shared/entry.ts';
import { Fault } from '../../shared/fault.ts';
import { createSealer, generateSiteKey, importSiteKey } from '../../shared/identity.ts';
import type { Reading } from '../../shared/ports.ts';
import type { Signal } from '../../shared/signal.ts';
import { RecordingIndicator } from './recording-indicator.ts';
import { RecordingLog } from './recording-log.ts';
import { ScriptedScanner } from './scripted-scanner.ts';
import { seededChance } from './seeded-chance.ts';
import { VirtualClock } from './virtual-clock.ts';

/** What one run of the gate's kiosk did. */
export interface GateRun {
  /** It has ended, and still says how it is. */
  readonly kiosk: Kiosk;
  readonly shown: readonly Signal[];
  /** What was said with each signal, null where nothing was. */
  readonly notes: readonly (string | null)[];
  /** How many entries were committed when each signal was shown. */
  readonly committed: readonly number[];
}

/** What one run's kiosk has otherwise than {@link ScriptedGate} says. */
export type GateChanges = Partial<Omit<KioskParts, 'station'>> & { readonly station?: Partial<StationSettings> };

/**
 * A gate at which a test says what the scanner reads: a real kiosk over a real outbox, on a virtual clock. It is `gate-a`
 * at `Cổng A`, for people who come in; a code is a repeat for five seconds.
 */
export class ScriptedGate implements AsyncDisposable {
  readonly subjectKey = new Uint8Array(32).fill(7);
  readonly clock = new VirtualClock();
  readonly log = new RecordingLog();
  /** While true, the disk takes no entry. */
  diskFails = false;
  readonly #dir = mkdtempSync(join(tmpdir(), 'ravao-gate-'));
  readonly #chance = seededChance(1);
  #outbox = this.#openOutbox();

  get outbox(): Outbox {
    return this.#outbox;
  }

  /** Runs a kiosk until it has dealt with all of `script`; a text is that of a code before the scanner. */
  async run(script: readonly (string | Reading)[], changes: GateChanges = {}): Promise<GateRun> {
    const scanner = new ScriptedScanner();
    const committed: number[] = [];
    const indicator = new RecordingIndicator(() => committed.push(this.#outbox.depth()));
    const { publicKey } = await generateSiteKey();
    using kiosk = new Kiosk({
      scanner,
      indicator,
      outbox: this.#outbox,
      onRecorded: () => {},
      onStateChanged: () => {},
      gate: 'Cổng A',
      known: () => nothingKnown,
      subjectKeys: [this.subjectKey],
      sealer: createSealer(await importSiteKey(publicKey)),
      timeSync: { boot: 'boot-1', synced: () => true, [Symbol.dispose]() {} },
      clock: this.clock,
      chance: this.#chance,
      log: this.log,
      ...changes,
      station: { direction: 'in', repeatWindowMs: 5000, stayMsMax: 16 * 3_600_000, ...changes.station },
    });
    for (const reading of script) {
      if (typeof reading === 'string') scanner.scan(reading);
      else scanner.read(reading);
    }
    scanner.end();
    await kiosk.run(new AbortController().signal);
    return { kiosk, shown: indicator.shown, notes: indicator.notes, committed };
  }

  /** The next kiosk finds its outbox as it would after a restart. */
  async restart(): Promise<void> {
    await this.#outbox[Symbol.asyncDispose]();
    this.#outbox = this.#openOutbox();
  }

  /** What the outbox holds, oldest first. */
  entries(): Entry[] {
    return this.#outbox.peek(0, 1000).map(({ body }) => {
      const decoded = decodeEntry(new TextEncoder().encode(body));
      if (!decoded.ok) throw new Error(decoded.problem.detail);
      return decoded.entry;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#outbox[Symbol.asyncDispose]();
    rmSync(this.#dir, { recursive: true, force: true });
  }

  #openOutbox(): Outbox {
    const { clock, log } = this;
    const outbox = openOutbox({ dir: this.#dir, kiosk: 'gate-a', clock, chance: this.#chance, log });
    const append = outbox.append.bind(outbox);
    return Object.assign(outbox, {
      append: (...entry: Parameters<Outbox['append']>) => {
        if (this.diskFails) throw new Fault('OUTBOX_WRITE_FAILED', 'disk I/O error');
        return append(...entry);
      },
    });
  }
}
