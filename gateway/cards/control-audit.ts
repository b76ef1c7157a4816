/**
 * Writes each use of a guard's card into the audit, once. It follows the store as a forwarder does, behind the intake: a use
 * is found among the entries, its line is written with the entry's id, and how far that went is kept in a file. That
 * file may be older than the audit, after a crash between the two, or gone: then the ids in the audit tell what was written.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { formatCardNumber, parseTenDigits } from '../../shared/card-number.ts';
import { type ControlAction, controlActions } from '../../shared/control-card.ts';
import type { ControlMark } from '../../shared/control-use.ts';
import type { Entry } from '../../shared/entry.ts';
import { describeError } from '../../shared/fault.ts';
import type { Clock, Log } from '../../shared/ports.ts';
import { sleep } from '../../shared/time.ts';
import { type Act, type Audit, openAudit } from '../audit/audit.ts';
import { findLines } from '../audit/finding.ts';
import { SparseLog } from '../sparse-log.ts';
import type { Store, StoredEntry } from '../store/store.ts';
import { replaceFile, secretFileMode } from '../trust/durable-file.ts';
import { type CardStanding, standingOf } from './card-standing.ts';

/** The file in the data directory that says how far the store was looked through. It may be deleted. */
export const controlPlaceFileName = 'control-audit.json';

/** Positions looked at in one turn of the event loop: some milliseconds. */
const positionsPerLook = 1_000;

/** Between two looks at a long backlog, and between two at what has just come, in milliseconds. */
const backlogPauseMs = 20;
const lookEveryMs = 250;

/** The store says when entries come; should it ever forget to, they are found after this long, in milliseconds. */
const safetyLookMs = 60_000;

/** After an error, in milliseconds. The same one is logged this often. */
const retryMs = 5_000;
const repeatLogMs = 60_000;

/** The place is kept after so many positions without a use, and when the gateway stops: so many are looked at again. */
const positionsUnkeptMax = 10_000;

/**
 * Cards that were refused get at most so many lines an hour and kiosk: whoever shows a forged card a thousand times writes
 * no thousand lines. The entries are there all the same.
 */
export const refusedLinesPerHourMax = 20;

const hourMs = 3_600_000;

export interface ControlAuditParts {
  readonly store: Pick<Store, 'findControls' | 'onAppended'>;
  readonly dataDir: string;
  readonly clock: Clock;
  readonly log: Log;
  /** The audit of the data directory unless told otherwise. */
  readonly audit?: Audit;
}

/** Follows the store until disposed. Whatever fails is tried again for ever; nothing waits for it. */
export function keepControlAudit(parts: ControlAuditParts): AsyncDisposable {
  const stop = new AbortController();
  const running = new ControlFollower(parts).run(stop.signal);
  return {
    async [Symbol.asyncDispose]() {
      stop.abort();
      await running;
    },
  };
}

class ControlFollower {
  readonly #parts: ControlAuditParts;
  readonly #audit: Audit;
  readonly #sparse: SparseLog;
  #place: number;
  #keptPlace: number;
  /** Whether what is found may stand in the audit already: after a start, and after an error. */
  #isDoubtful = true;
  #refused = { hour: 0, lines: new Map<string, number>() };
  #appended = true;
  #nap: AbortController | null = null;

  constructor(parts: ControlAuditParts) {
    this.#parts = parts;
    this.#audit = parts.audit ?? openAudit(parts.dataDir, parts);
    this.#sparse = new SparseLog(parts.clock, parts.log, repeatLogMs);
    this.#place = readPlace(parts.dataDir);
    this.#keptPlace = this.#place;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { store, clock } = this.#parts;
    using _ = store.onAppended(() => {
      this.#appended = true;
      this.#nap?.abort();
    });
    const halt = () => this.#nap?.abort();
    signal.addEventListener('abort', halt, { once: true });
    while (!signal.aborted) {
      this.#appended = false;
      try {
        const isEnd = await this.#look(signal);
        await sleep(clock, isEnd ? lookEveryMs : backlogPauseMs, signal);
        if (isEnd) await this.#idle(signal);
      } catch (error) {
        this.#isDoubtful = true;
        this.#sparse.write('error', 'control.audit-delayed', '', { error: describeError(error) });
        await sleep(clock, retryMs, signal);
      }
    }
    await this.#keepPlace(1).catch((error: unknown) => {
      // What was written since is told by the audit itself at the next start.
      this.#parts.log.warn('control.place-unkept', { error: describeError(error) });
    });
  }

  /** Whether nothing is left to look at. */
  async #look(signal: AbortSignal): Promise<boolean> {
    const { entries, lookedTo } = await this.#parts.store.findControls(this.#place, positionsPerLook);
    if (lookedTo < this.#place) {
      this.#parts.log.warn('control.place-reset', { place: this.#place, last: lookedTo });
      this.#place = this.#keptPlace = 0;
      this.#isDoubtful = true;
      return false;
    }
    const isEnd = lookedTo < this.#place + positionsPerLook;
    const written = this.#isDoubtful ? this.#writtenAmong(entries) : new Set<string>();
    for (const entry of entries) {
      if (signal.aborted) return true;
      if (!written.has(entry.id)) await this.#write(entry);
      this.#place = entry.position;
    }
    this.#place = lookedTo;
    await this.#keepPlace(entries.length > 0 ? 1 : positionsUnkeptMax);
    if (isEnd) this.#isDoubtful = false;
    return isEnd;
  }

  async #write(stored: StoredEntry): Promise<void> {
    const { dataDir } = this.#parts;
    const act = describeUse(stored, (number, action) => standingOf(dataDir, number, action));
    if (act === null || (act.action === 'control.refused' && !this.#mayWriteRefusal(stored.kiosk))) return;
    await this.#audit.record(act);
    const { entry, kiosk, unregistered, registerUnread } = act.what;
    if (unregistered === true) this.#sparse.write('error', 'control.unregistered', stored.kiosk, { entry, kiosk });
    if (registerUnread !== undefined)
      this.#sparse.write('warn', 'control.register-unread', '', { entry, error: registerUnread });
  }

  #mayWriteRefusal(kiosk: string): boolean {
    const { clock } = this.#parts;
    const hour = Math.floor(clock.monotonicMs() / hourMs);
    if (this.#refused.hour !== hour) this.#refused = { hour, lines: new Map() };
    const lines = (this.#refused.lines.get(kiosk) ?? 0) + 1;
    this.#refused.lines.set(kiosk, lines);
    if (lines > refusedLinesPerHourMax) this.#sparse.write('warn', 'control.refusals-unwritten', kiosk, { kiosk });
    return lines <= refusedLinesPerHourMax;
  }

  /** Those of these entries whose line is in the audit. */
  #writtenAmong(entries: readonly StoredEntry[]): ReadonlySet<string> {
    const wanted = new Set(entries.map(({ id }) => id));
    const written = new Set<string>();
    if (wanted.size === 0) return written;
    for (const { what } of findLines(this.#parts.dataDir, ['control.used', 'control.refused'])) {
      const id = what.entry;
      if (typeof id === 'string' && wanted.has(id)) written.add(id);
    }
    return written;
  }

  async #keepPlace(movedMin: number): Promise<void> {
    if (this.#place - this.#keptPlace < movedMin) return;
    const content = `${JSON.stringify({ position: this.#place })}\n`;
    await replaceFile(this.#parts.dataDir, { name: controlPlaceFileName, content, mode: secretFileMode });
    this.#keptPlace = this.#place;
  }

  async #idle(signal: AbortSignal): Promise<void> {
    if (this.#appended || signal.aborted) return;
    this.#nap = new AbortController();
    await sleep(this.#parts.clock, safetyLookMs, this.#nap.signal);
    this.#nap = null;
  }
}

const markSchema = z.looseObject({
  card: z
    .string()
    .regex(/^\d{10}$/)
    .nullable(),
  action: z.enum(controlActions).nullable(),
});

/** Reads the field `control` of an entry; null where it is none that is known here. */
function readControlMark(value: unknown): ControlMark | null {
  const parsed = markSchema.safeParse(value);
  return parsed.success ? parsed.data : null;
}

/**
 * The line for an entry that bears a card; null where it bears none after all.
 * @param look what the register says of a genuine card: its number, nine digits, and what it did.
 */
export function describeUse(
  { id, kiosk, at, body }: Pick<StoredEntry, 'id' | 'kiosk' | 'at' | 'body'>,
  look: (number: number, action: ControlAction | null) => CardStanding,
): Act | null {
  const { control, outcome, reason, code, direction } = JSON.parse(body) as Entry; // validated by the intake
  const mark = readControlMark(control);
  if (mark === null) return null;
  const number = mark.card === null ? null : parseTenDigits(mark.card);
  const card = number === null ? null : formatCardNumber(number);
  const standing = number === null ? 'registered' : look(number, mark.action);
  const known = {
    ...(standing === 'unregistered' && { unregistered: true }),
    ...(typeof standing === 'object' && { registerUnread: standing.unread }),
  };
  const what = { entry: id, kiosk, at, card, does: mark.action };
  if (reason.startsWith('control-') && outcome === 'refused') {
    return { action: 'control.refused', what: { ...what, reason, ...known } };
  }
  const isUnsure = code.warnings?.includes('expiry-unchecked') === true;
  const result = outcome === 'admitted' ? {} : { refused: reason };
  return {
    action: 'control.used',
    what: { ...what, direction, ...result, ...(isUnsure && { expiryUnchecked: true }), ...known },
  };
}

const placeSchema = z.object({ position: z.int().min(0) });

/** The kept place; the beginning where there is none that can be read. */
function readPlace(dataDir: string): number {
  try {
    return placeSchema.parse(JSON.parse(readFileSync(join(dataDir, controlPlaceFileName), 'utf8'))).position;
  } catch {
    return 0;
  }
}
