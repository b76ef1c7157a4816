/** Carries out what the station decides: readings in, lights and entries out. */
import { v7 as uuidv7 } from 'uuid';
import type { Code, DiscardedReason, UnknownCode } from '../shared/code/code.ts';
import type { Known } from '../shared/code/known.ts';
import { readScan } from '../shared/code/read-code.ts';
import { refusalTexts } from '../shared/code/refusal-texts.ts';
import type { EntryDraft, KioskState } from '../shared/entry.ts';
import { describeError, Fault } from '../shared/fault.ts';
import { type IdentitySealer, subjectOf } from '../shared/identity.ts';
import type { Chance, Clock, Indicator, Log, Reading, Scanner } from '../shared/ports.ts';
import type { TimeSync } from '../shared/system/time-sync.ts';
import { type GateControl, untouchedGate } from './control.ts';
import { ControlDesk } from './control-desk.ts';
import type { GateRules } from './gate-rules.ts';
import type { GatewayTime } from './gateway-time.ts';
import { lastPassageOf, pseudonymsOf, type SubjectKeys } from './known-as.ts';
import type { Outbox, Presence } from './outbox.ts';
import {
  createStation,
  type Decision,
  restingSignal,
  type Sight,
  type Station,
  type StationEvent,
  type StationSettings,
  step,
} from './station.ts';
import { tellTime } from './timestamp.ts';

/** Everything a kiosk is made of. */
export interface KioskParts {
  readonly scanner: Scanner;
  readonly indicator: Indicator;
  readonly outbox: Outbox;
  /** Told after each commit, so that the link sends at once. */
  readonly onRecorded: () => void;
  /** Told when what the kiosk says of itself has changed. */
  readonly onStateChanged: () => void;
  readonly gate: string;
  readonly station: StationSettings;
  /** What the kiosk knows at this moment; asked at every scan. */
  readonly known: () => Known;
  /** What the site wants of people with good codes; without it all of them pass. */
  readonly gateRules?: GateRules;
  /** The key of the pseudonyms, and behind it those that the site used before: what is known of a person may be known under one. */
  readonly subjectKeys: SubjectKeys;
  readonly sealer: IdentitySealer;
  readonly timeSync: TimeSync;
  /** What the gateway says of the time; nothing unless given. */
  readonly gatewayTime?: GatewayTime;
  readonly clock: Clock;
  readonly chance: Chance;
  readonly log: Log;
}

/** The outbox's level is looked at this often, in milliseconds, so that the lights tell before a person has to wait. */
const levelEveryMs = 5_000;

/** As many as an entry takes. */
const warningsMax = 16;

/** Why a reading without a text is refused. */
export const refusalOfDiscarded = {
  overlong: 'code-too-long',
  undecodable: 'scanner-not-utf8',
} as const satisfies Record<(Reading & { type: 'discarded' })['reason'], DiscardedReason>;

/** One gate at work. Readings are handled one after the other, so scans are answered in the order they came. */
export class Kiosk implements Disposable {
  readonly #parts: KioskParts;
  readonly #desk: ControlDesk;
  #station: Station;
  #scanner: KioskState['scanner'] = 'working';
  #noiseBytes = 0;
  #levelTimer: Disposable | undefined;
  #level: ReturnType<Outbox['level']> = 'ok';

  constructor(parts: KioskParts) {
    this.#parts = parts;
    this.#desk = this.#openDesk(parts.outbox.gate() ?? untouchedGate);
    const { gate, direction } = this.#desk;
    this.#station = createStation({ ...parts.station, direction }, gate.closed);
    this.#watchLevel();
    parts.indicator.show(restingSignal(this.#station));
  }

  /** Handles readings in order until `signal` aborts or there are no more. */
  async run(signal: AbortSignal): Promise<void> {
    for await (const reading of this.#parts.scanner.readings(signal)) await this.#take(reading);
    this.#scanner = 'ended';
    this.#parts.onStateChanged();
    this.#parts.log.info('scanner.ended', { scanner: this.#parts.scanner.name });
  }

  /** The link to the gateway came up or went down. */
  linkChanged(link: Station['link']): void {
    this.#step({ type: 'link', link });
  }

  /** What the kiosk says of itself, without what the link adds. */
  state(): Omit<KioskState, 'v' | 'online'> {
    const { outbox, indicator } = this.#parts;
    const oldestAtMs = outbox.oldestAtMs();
    const { ms, clock } = tellTime(this.#parts);
    return {
      scanner: this.#scanner,
      board: indicator.board,
      outbox: {
        depth: outbox.depth(),
        limit: outbox.entriesMax,
        oldestMs: oldestAtMs === null ? null : Math.max(0, ms - oldestAtMs),
      },
      clock: { ...clock, at: new Date(ms).toISOString() },
      control: { ...this.#desk.gate },
    };
  }

  [Symbol.dispose](): void {
    this.#levelTimer?.[Symbol.dispose]();
  }

  async #take(reading: Reading): Promise<void> {
    const { log, indicator } = this.#parts;
    switch (reading.type) {
      case 'frame': {
        indicator.show('heard');
        const scan = readScan(reading.text, this.#parts.known());
        if (scan.type === 'control') return this.#desk.use(scan, reading);
        return this.#scan(this.#sight(reading.text, scan));
      }
      case 'discarded': {
        indicator.show('heard');
        log.warn('scan.discarded', { reason: reading.reason, bytes: reading.bytes });
        const refusal = refusalOfDiscarded[reading.reason];
        return this.#scan({ key: `bytes ${this.#pseudonym(reading.digest)}`, subject: null, refusal });
      }
      case 'noise': {
        this.#noiseBytes += reading.bytes;
        return log.debug('scanner.noise', { bytes: reading.bytes, bytesSoFar: this.#noiseBytes });
      }
      case 'lost': {
        log.error('scanner.lost', { error: describeError(reading.fault), remedy: reading.fault.remedy });
        return this.#scannerIs('lost');
      }
      case 'found': {
        log.info('scanner.found', { device: reading.device });
        return this.#scannerIs('working');
      }
    }
  }

  #scannerIs(scanner: Station['scanner']): void {
    this.#scanner = scanner;
    this.#step({ type: 'scanner', scanner });
    this.#parts.onStateChanged();
  }

  #openDesk(gate: GateControl): ControlDesk {
    const { indicator, clock, log, station, onStateChanged } = this.#parts;
    return new ControlDesk(
      {
        ...{ indicator, clock, log, direction: station.direction },
        beginEntry: () => this.#beginEntry(),
        append: (draft, gate) => this.#append(draft, null, gate),
        onVisitor: (passed) => this.#parts.gateRules?.passed(passed),
        onChanged: (gate) => {
          this.#step({ type: 'gate', ...gate });
          this.#parts.onRecorded();
          onStateChanged();
        },
      },
      gate,
    );
  }

  #sight(text: string, code: Code | UnknownCode): Sight {
    // Told apart from a subject: a text that is nothing but a number is not the person whose number it is.
    if (code.type === 'unknown') {
      const { reason, control } = code;
      const key = `text ${this.#pseudonym(text)}`;
      return { key, subject: null, refusal: reason, ...(control && { control }) };
    }
    const subject = this.#pseudonym(code.number);
    return { key: subject, subject, code };
  }

  #pseudonym(text: string): string {
    const [subjectKey] = this.#parts.subjectKeys;
    return subjectOf(subjectKey, text);
  }

  async #scan(sight: Sight): Promise<void> {
    const { clock, gateRules, outbox, subjectKeys } = this.#parts;
    const startedMs = clock.monotonicMs();
    const { subject } = sight;
    const subjects = pseudonymsOf(sight, subjectKeys);
    const own = this.#remembersPassages ? lastPassageOf(subjects, outbox) : null;
    const last = gateRules?.lastPassage(subjects, own) ?? own;
    const lastPassage = last && { direction: last.direction, agoMs: tellTime(this.#parts).ms - last.atMs };
    const facts = subject === null ? null : (gateRules?.factsOf(subjects, lastPassage) ?? null);
    const decision = this.#step({ type: 'scan', sight, nowMs: startedMs, lastPassage, facts });
    if (decision === null) return;
    const draft = await this.#draft(decision);
    const seq = this.#record(draft, decision);
    if (seq === null) return;
    // First the person, then everything else.
    this.#step({ type: 'recorded', decision, nowMs: clock.monotonicMs() });
    this.#parts.onRecorded();
    const { outcome, reason, direction, warnings } = decision;
    if (outcome === 'admitted' && subject !== null) gateRules?.passed(direction);
    const why = { ...(warnings.length > 0 && { warnings }), ...(reason === 'barred' && { bar: facts?.bar?.code }) };
    this.#parts.log.info('scan.recorded', {
      id: draft.id,
      seq,
      outcome,
      reason,
      kind: draft.code.kind,
      direction,
      ...why,
    });
  }

  /** Whether this gate needs to know where somebody went last. */
  get #remembersPassages(): boolean {
    // Also while a guard has set another direction: when the gate goes by turns again, it goes on from there.
    const goesByTurns = [this.#parts.station.direction, this.#desk.direction].includes('toggle');
    return goesByTurns || this.#parts.gateRules?.remembersPassages === true;
  }

  #beginEntry(): Pick<EntryDraft, 'id' | 'at' | 'clock' | 'gate'> {
    const { chance, gate } = this.#parts;
    const { ms, clock } = tellTime(this.#parts);
    return {
      id: uuidv7({ msecs: ms, random: chance.bytes(16) }),
      at: new Date(ms).toISOString(),
      clock,
      gate,
    };
  }

  async #draft({ outcome, reason, direction, subject, code, control, ...more }: Decision): Promise<EntryDraft> {
    const { sealer } = this.#parts;
    const beginning = this.#beginEntry();
    const odd = [...(code?.warnings ?? []), ...more.warnings].slice(0, warningsMax);
    const warnings = odd.length === 0 ? {} : { warnings: odd };
    return {
      ...beginning,
      direction,
      outcome,
      reason,
      method: 'scan',
      code: { kind: code?.kind ?? 'unknown', verified: code?.verified ?? false, ...warnings },
      subject,
      identity: code === null ? null : await sealer.seal(code.identity, beginning.id),
      ...(control && { control }),
    };
  }

  /** Commits the entry and gives its `seq`; or refuses the person visibly, and gives null. */
  #record(draft: EntryDraft, { subject, direction, outcome }: Decision): number | null {
    const remember = subject !== null && outcome === 'admitted' && this.#remembersPassages;
    return this.#append(draft, remember ? { subject, direction, atMs: tellTime(this.#parts).ms } : null, null);
  }

  #append(draft: EntryDraft, presence: Presence | null, gate: GateControl | null): number | null {
    const { outbox, log } = this.#parts;
    try {
      return outbox.append(draft, presence, gate).seq;
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      this.#step({ type: 'unrecorded', outbox: error.code === 'OUTBOX_FULL' ? 'full' : 'failing' });
      log.error('scan.unrecorded', { error: describeError(error), remedy: error.remedy });
      return null;
    }
  }

  /** Decides an event and shows what follows; the entry to make, if any, is the caller's to record. */
  #step(event: StationEvent): Decision | null {
    const { station, effects } = step(this.#station, event);
    this.#station = station;
    let decision: Decision | null = null;
    for (const effect of effects) {
      if (effect.type === 'record') decision = effect.decision;
      else this.#parts.indicator.show(effect.signal, effect.note ?? (effect.reason && refusalTexts[effect.reason].vi));
    }
    return decision;
  }

  #watchLevel(): void {
    const { outbox, log, clock } = this.#parts;
    const level = outbox.level();
    if (level !== this.#level) {
      log.warn('outbox.level', { level, depth: outbox.depth(), limit: outbox.entriesMax });
      this.#level = level;
      this.#step({ type: 'level', full: level === 'full' });
      this.#parts.onStateChanged();
    }
    this.#levelTimer = clock.after(levelEveryMs, () => this.#watchLevel());
  }
}
