/**
 * What a gate decides, as a pure function: `step(station, event)` gives the next station and what is to be done.
 * `kiosk.ts` does it. Times are monotonic milliseconds, so a jump of the wall clock changes nothing here.
 */
import type { Code, DiscardedReason, GateReason, UnknownReason } from '../shared/code/code.ts';
import type { AdmissionReason, RefusalReason } from '../shared/code/refusal-texts.ts';
import type { ControlMark } from '../shared/control-use.ts';
import type { Direction, Outcome } from '../shared/entry.ts';
import type { Signal, StateSignal } from '../shared/signal.ts';
import { type AdmissionFacts, judge } from './admission.ts';

/** How a gate is set up. */
export interface StationSettings {
  /** `toggle`: in and out by turns, for each person. */
  readonly direction: Direction | 'toggle';
  /** A code seen again within this many milliseconds of its last reading is the same visit. */
  readonly repeatWindowMs: number;
  /** On a toggle gate, somebody who came in longer ago than this and never left is taken to come in again. */
  readonly stayMsMax: number;
}

/** One person inside the repeat window. */
interface Sighting {
  readonly key: string;
  readonly reason: 'ok' | EntryRefusal;
  readonly note?: string;
  readonly seenMs: number;
}

/** Keys kept for the repeat window; far more than people can pass in one. The oldest goes first. */
export const sightingsMax = 64;

export interface Station {
  readonly settings: StationSettings;
  readonly sightings: readonly Sighting[];
  readonly scanner: 'working' | 'lost';
  /** `full`: no room until entries are sent. `failing`: the last write failed; only a write that succeeds ends it. */
  readonly outbox: 'working' | 'full' | 'failing';
  readonly link: 'online' | 'offline';
  /** A guard has closed the gate: nobody is taken. */
  readonly closed: boolean;
}

/** Why an entry is refused: an unknown code's reason, what was wrong with the reading, the gate itself, or what the site wants. */
export type EntryRefusal = UnknownReason | DiscardedReason | GateReason | AdmissionReason;

/** What a scan was, as the decision needs it. `key` tells a repeat: the subject, or a digest of what is no code. */
export type Sight =
  | { readonly key: string; readonly subject: string; readonly code: Code }
  | {
      readonly key: string;
      readonly subject: null;
      readonly refusal: EntryRefusal;
      /** Where it was a control card, for the site's audit. */
      readonly control?: ControlMark;
    };

/** An entry to be made. */
export interface Decision {
  readonly key: string;
  readonly outcome: Outcome;
  readonly reason: 'ok' | EntryRefusal;
  readonly direction: Direction;
  readonly subject: string | null;
  readonly code: Code | null;
  readonly control?: ControlMark;
  /** What is not as the site wants, though the person passes. */
  readonly warnings: readonly AdmissionReason[];
  /** For the guard, where it is not the text of the reason. */
  readonly note?: string;
}

export type StationEvent =
  /**
   * A scan was understood (or not). `lastPassage` is the subject's last one, as far as is known here; `facts` is what the
   * site's rules say of the subject, null where they say nothing.
   */
  | {
      readonly type: 'scan';
      readonly sight: Sight;
      readonly nowMs: number;
      readonly lastPassage: { readonly direction: Direction; readonly agoMs: number } | null;
      readonly facts?: AdmissionFacts | null;
    }
  /** The entry is committed. */
  | { readonly type: 'recorded'; readonly decision: Decision; readonly nowMs: number }
  /** The entry could not be committed; nothing of it was kept. */
  | { readonly type: 'unrecorded'; readonly outbox: 'full' | 'failing' }
  | { readonly type: 'scanner'; readonly scanner: Station['scanner'] }
  /** The outbox was measured. */
  | { readonly type: 'level'; readonly full: boolean }
  | { readonly type: 'link'; readonly link: Station['link'] }
  /** A guard has set the gate, and that is on disk. */
  | { readonly type: 'gate'; readonly closed: boolean; readonly direction: StationSettings['direction'] };

export type StationEffect =
  /** `reason`: why somebody is refused, for boards that have letters; `note`: what is said there instead. */
  | { readonly type: 'show'; readonly signal: Signal; readonly reason?: RefusalReason; readonly note?: string }
  | { readonly type: 'record'; readonly decision: Decision };

export interface Step {
  readonly station: Station;
  readonly effects: readonly StationEffect[];
}

/** A gate before its first event: not connected yet, everything else taken to work. */
export function createStation(settings: StationSettings, closed = false): Station {
  return { settings, sightings: [], scanner: 'working', outbox: 'working', link: 'offline', closed };
}

/** How the kiosk is, for the lights between scans. */
export function restingSignal(station: Station): StateSignal {
  if (station.scanner === 'lost' || station.outbox !== 'working') return 'fault';
  if (station.closed) return 'closed';
  return station.link === 'online' ? 'ready' : 'offline';
}

/** Decides one event. Pure. */
export function step(station: Station, event: StationEvent): Step {
  switch (event.type) {
    case 'scan':
      return decideScan(station, event);
    case 'recorded': {
      const { key, reason, note } = event.decision;
      const noted = note === undefined ? {} : { note };
      const seen = see({ ...station, outbox: 'working' }, { key, reason, ...noted, seenMs: event.nowMs });
      return rest(station, seen, reason === 'ok' ? show('admitted', noted) : show('refused', { reason, ...noted }));
    }
    case 'unrecorded':
      return rest(station, { ...station, outbox: event.outbox }, show('refused', { reason: 'unrecorded' }));
    case 'scanner':
      return rest(station, { ...station, scanner: event.scanner });
    case 'level':
      if (station.outbox === 'failing') return { station, effects: [] };
      return rest(station, { ...station, outbox: event.full ? 'full' : 'working' });
    case 'link':
      return rest(station, { ...station, link: event.link });
    case 'gate':
      return rest(station, setGate(station, event));
  }
}

function decideScan(station: Station, { sight, nowMs, lastPassage, facts }: StationEvent & { type: 'scan' }): Step {
  const { repeatWindowMs } = station.settings;
  const earlier = station.sightings.find((sighting) => sighting.key === sight.key);
  if (earlier !== undefined && nowMs - earlier.seenMs < repeatWindowMs) {
    // A card left before a scanner in continuous mode is one visit, so every reading of it opens the window anew.
    // What was refused is refused again: a repeat must never look like a yes.
    const { reason, note } = earlier;
    const noted = note === undefined ? {} : { note };
    const answer = reason === 'ok' ? show('repeat') : show('refused', { reason, ...noted });
    return { station: see(station, { ...earlier, seenMs: nowMs }), effects: [answer] };
  }
  const direction = directionOf(station.settings, lastPassage);
  const { key, subject } = sight;
  // A card that does not hold here is refused as such, also where the gate is closed: somebody tries to open it.
  const isControl = !('code' in sight) && sight.control !== undefined;
  if (station.closed && !isControl) {
    // Who stood before a closed gate was nowhere: nothing of them is kept.
    const refused = { outcome: 'refused', reason: 'gate-closed', direction, subject: null, code: null } as const;
    const decision: Decision = { key, ...refused, warnings: [] };
    return { station, effects: [{ type: 'record', decision }] };
  }
  const decision: Decision =
    'code' in sight
      ? { key, direction, subject, code: sight.code, ...judge(facts ?? null, direction) }
      : {
          ...{ key, outcome: 'refused', reason: sight.refusal, direction, subject, code: null, warnings: [] },
          ...(sight.control && { control: sight.control }),
        };
  return { station, effects: [{ type: 'record', decision }] };
}

/** What was answered before a gate was closed, or opened, is no answer to the same code after it. */
function setGate(station: Station, { closed, direction }: StationEvent & { type: 'gate' }): Station {
  const sightings = closed === station.closed ? station.sightings : [];
  return { ...station, settings: { ...station.settings, direction }, sightings, closed, outbox: 'working' };
}

function directionOf(
  { direction, stayMsMax }: StationSettings,
  last: { readonly direction: Direction; readonly agoMs: number } | null,
): Direction {
  if (direction !== 'toggle') return direction;
  return last?.direction === 'in' && last.agoMs < stayMsMax ? 'out' : 'in';
}

/** Remembers a sighting as the newest and lets go of those whose window is over. */
function see(station: Station, sighting: Sighting): Station {
  const others = station.sightings.filter(
    ({ key, seenMs }) => key !== sighting.key && sighting.seenMs - seenMs < station.settings.repeatWindowMs,
  );
  return { ...station, sightings: [...others, sighting].slice(-sightingsMax) };
}

function show(signal: Signal, why: { readonly reason?: RefusalReason; readonly note?: string } = {}): StationEffect {
  return { type: 'show', signal, ...why };
}

/** Shows the moment, if there is one, and the state when it has changed. */
function rest(before: Station, after: Station, moment?: StationEffect): Step {
  const effects: StationEffect[] = [];
  // The state goes first: showing it ends nothing, and the moment then plays on top of the right one.
  if (restingSignal(before) !== restingSignal(after)) effects.push(show(restingSignal(after)));
  if (moment !== undefined) effects.push(moment);
  return { station: after, effects };
}
