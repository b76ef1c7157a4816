/** One seed, one story: a site, its people, and the disasters that befall it. */
import { seededChance } from '../fakes/seeded-chance.ts';
import { Draw, faults } from './faults.ts';
import { type KioskSetup, runWorld, type World } from './world.ts';

/** What one seed came to. */
export interface SeedResult {
  readonly seed: number;
  /** The promise that was broken; null where all were kept. */
  readonly failure: string | null;
  /** SHA-256 over the whole trace. */
  readonly digest: string;
  /** The end of the trace, or all of it where that was asked for. */
  readonly lines: readonly string[];
  /** How often each fault took effect. */
  readonly faults: ReadonlyMap<string, number>;
  readonly entries: number;
  readonly admitted: number;
  /** Virtual milliseconds. */
  readonly lastedMs: number;
}

/** The troubled time of a story, in virtual milliseconds. */
const troubledMs = { min: 30_000, max: 110_000 };
const faultsPerStory = { min: 8, max: 16 };
const kiosksPerStory = { min: 2, max: 4 };

const dayMs = 24 * 3_600_000;

/** Runs the story of a seed. Everything in it follows from the seed: twice the same seed, twice the same trace. */
export function runSeed(seed: number, options: { readonly keepTrace?: boolean } = {}): Promise<SeedResult> {
  const draw = new Draw(seededChance(Math.imul(seed, 0x9e3779b1) ^ 0x7a7e));
  const kiosks = Array.from({ length: draw.between(kiosksPerStory.min, kiosksPerStory.max) }, (_, index) =>
    drawKiosk(draw, index),
  );
  return runWorld({ seed, kiosks, keepTrace: options.keepTrace ?? false }, async (world) => {
    await tell(world, draw);
    const { failure, trace, ledger, timeline } = world;
    return {
      ...{ seed, failure, digest: trace.digest, lines: trace.lines, faults: world.faults },
      entries: ledger.entries.size,
      admitted: [...ledger.entries.values()].filter(({ shown }) => shown).length,
      lastedMs: timeline.nowMs,
    };
  });
}

function drawKiosk(draw: Draw, index: number): KioskSetup {
  return {
    id: `gate-${'abcd'[index]}`,
    direction: draw.pick(['in', 'out', 'toggle']),
    repeatWindowMs: draw.pick([1_000, 5_000, 10_000]),
    entriesMax: draw.pick([6, 20, 1_000]),
  };
}

async function tell(world: World, draw: Draw): Promise<void> {
  const lastsMs = draw.between(troubledMs.min, troubledMs.max);
  if (draw.chance(0.2))
    world.gateway.intakeLimits = { pendingEntriesMax: draw.between(1, 4), groupEntriesMax: draw.between(1, 3) };
  for (const { id, machine } of world.kiosks) {
    if (draw.chance(0.5)) continue;
    // Nobody has told it the time yet; with some nobody ever will.
    machine.jumpWall(draw.between(-300, 200) * dayMs);
    world.happened('clock-lost', id);
    if (draw.chance(0.3)) world.after(draw.between(1_000, lastsMs), () => machine.correctWall());
  }
  world.start();
  for (const kiosk of world.kiosks) {
    const everyMs = draw.pick([1_500, 4_000, 9_000]);
    for (let atMs = draw.between(500, 3_000); atMs < lastsMs; atMs += draw.between(1, 2 * everyMs)) {
      const who = draw.between(0, 40);
      world.after(atMs, () => kiosk.scan(who, draw.pick(['\r', '\n', '\r\n', '\t', ''])));
    }
  }
  const names = draw.shuffled(Object.keys(faults)).slice(0, draw.between(faultsPerStory.min, faultsPerStory.max));
  for (const name of names) {
    const kiosk = draw.pick(world.kiosks);
    world.after(draw.between(1_000, lastsMs), () => {
      world.trace.add('fault', 'set', { name, kiosk: kiosk.id });
      faults[name]?.(world, draw, kiosk);
    });
  }
  await world.pass(lastsMs);
  await world.healAndJudge();
}
