import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bootsPerKioskMax } from '../../../gateway/kiosk-boots.ts';
import { exactMs } from '../../../gateway/time-correction.ts';
import { type TimedEntry, TimeKeeper } from '../../../gateway/time-keeper.ts';
import { readTimeAnswer } from '../../../shared/time-question.ts';
import { RecordingLog } from '../../fakes/recording-log.ts';
import { VirtualClock } from '../../fakes/virtual-clock.ts';

const dayMs = 24 * 3_600_000;
const hourMs = 3_600_000;
const epoch = '019a1b2c-0000-7000-8000-00000000e0c4';

/** A gateway's clock, and what of the gateway outlasts its process. */
class Gateway {
  readonly clock = new VirtualClock();
  readonly log = new RecordingLog();
  synced = true;
  boot = 'gateway-1';
  saved: string | null = null;
  saves = 0;
  keeper = this.start();

  /** The true time, whatever the wall clock says. */
  get trueMs(): number {
    return this.clock.monotonicMs() + this.#zeroMs;
  }
  readonly #zeroMs = this.clock.nowMs() - this.clock.monotonicMs();

  start(): TimeKeeper {
    const memory = {
      load: () => this.saved,
      save: (content: string) => {
        this.saved = content;
        this.saves++;
      },
    };
    const sync = { boot: this.boot, synced: () => this.synced };
    this.keeper = new TimeKeeper({ clock: this.clock, sync, memory, log: this.log });
    return this.keeper;
  }
}

/** A kiosk that never knows what time it is by itself. */
class Device {
  readonly #gateway: Gateway;
  readonly #offMs: number;
  #bootedMs: number;
  boot = 'boot-1';
  seq = 0;

  constructor(gateway: Gateway, offMs = -200 * dayMs) {
    this.#gateway = gateway;
    this.#offMs = offMs;
    this.#bootedMs = gateway.trueMs - 60_000;
  }

  #clock(synced = false) {
    const { trueMs } = this.#gateway;
    const at = new Date(trueMs + (synced ? 0 : this.#offMs)).toISOString();
    return { at, clock: { synced, boot: this.boot, monotonicMs: trueMs - this.#bootedMs } };
  }

  reboot(boot: string): void {
    this.boot = boot;
    this.#bootedMs = this.#gateway.trueMs - 20_000;
  }

  /** An entry that is made now, with the true time. */
  make(synced = false): TimedEntry & { readonly trueMs: number } {
    return { ...this.#clock(synced), epoch, seq: ++this.seq, trueMs: this.#gateway.trueMs };
  }

  /** Connects, and says after so long how it is. */
  async connect(afterMs = 50, synced = false): Promise<object> {
    const connection = { openedMs: this.#gateway.clock.monotonicMs() };
    await this.#gateway.clock.advance(afterMs);
    const { at, clock } = this.#clock(synced);
    this.#gateway.keeper.noteState('gate-a', { v: 1, online: true, clock: { ...clock, at } }, connection);
    return connection;
  }
}

const exactly = (ms: number) => ({ bestMs: ms, fromMs: ms, toMs: ms });

describe('the gateway', () => {
  it('corrects what was made before in the boot that is heard of now, to the second', async () => {
    const gateway = new Gateway();
    const kiosk = new Device(gateway);
    const entries = [kiosk.make()];
    await gateway.clock.advance(hourMs);
    entries.push(kiosk.make());
    const connection = await kiosk.connect();
    for (const entry of entries) {
      const { bestMs, fromMs, toMs } = gateway.keeper.timeOf(connection, 'gate-a', entry);
      expect(Math.abs(bestMs - entry.trueMs)).toBeLessThan(100);
      expect(toMs - fromMs).toBeLessThan(4 * exactMs);
    }
    expect(gateway.log.events).toEqual([]);
  });

  it('puts entries of a boot that was never online between the boots around it, their distances as they were', async () => {
    const gateway = new Gateway();
    const kiosk = new Device(gateway);
    const known = kiosk.make();
    gateway.keeper.timeOf(await kiosk.connect(), 'gate-a', known);
    await gateway.clock.advance(hourMs);
    kiosk.reboot('boot-2');
    const first = kiosk.make();
    await gateway.clock.advance(hourMs);
    const second = kiosk.make();
    await gateway.clock.advance(hourMs);
    kiosk.reboot('boot-3');
    const startedMs = gateway.trueMs;
    const connection = await kiosk.connect();
    const times = [first, second].map((entry) => gateway.keeper.timeOf(connection, 'gate-a', entry));
    const [early, late] = times;
    for (const [index, { trueMs }] of [first, second].entries()) {
      expect(times[index]?.fromMs).toBeLessThan(trueMs);
      expect(times[index]?.toMs).toBeGreaterThan(trueMs);
      expect(times[index]?.fromMs).toBeGreaterThan(known.trueMs - 2_000);
      expect(times[index]?.toMs).toBeLessThan(startedMs + 2_000);
    }
    expect((late?.bestMs ?? 0) - (early?.bestMs ?? 0)).toBeCloseTo(hourMs, -4);
    expect(gateway.log.events).toEqual(['time.uncertain']);
  });

  it('knows what it knew after a restart, and writes it down once a boot rather than once an entry', async () => {
    const gateway = new Gateway();
    const kiosk = new Device(gateway);
    const connection = await kiosk.connect();
    const before = gateway.saves;
    for (let count = 0; count < 100; count++) gateway.keeper.timeOf(connection, 'gate-a', kiosk.make());
    expect(gateway.saves).toBe(before);
    const late = kiosk.make();
    kiosk.reboot('boot-2');
    gateway.start();
    const { bestMs } = gateway.keeper.timeOf(await kiosk.connect(), 'gate-a', late);
    expect(Math.abs(bestMs - late.trueMs)).toBeLessThan(100);
  });

  it('goes on counting when its own clock is set wrong, and tells kiosks the true time', async () => {
    const gateway = new Gateway();
    gateway.synced = false;
    gateway.clock.jumpWall(90 * dayMs);
    const kiosk = new Device(gateway);
    const entry = kiosk.make();
    const { bestMs } = gateway.keeper.timeOf(await kiosk.connect(), 'gate-a', entry);
    expect(Math.abs(bestMs - entry.trueMs)).toBeLessThan(100);
    const asked = Buffer.from('{"v":1,"boot":"boot-1","monotonicMs":5}');
    const answer = readTimeAnswer(gateway.keeper.answer(asked) ?? new Uint8Array());
    expect(answer).toMatchObject({ synced: true, atMs: gateway.trueMs });
    expect(gateway.keeper.answer(Buffer.from('{"v":1}'))).toBeNull();
  });

  it('that has booted without a time server says that it does not know, and gives no upper bound', async () => {
    const gateway = new Gateway();
    const kiosk = new Device(gateway);
    await kiosk.connect();
    await gateway.clock.advance(hourMs);
    gateway.keeper[Symbol.dispose]();
    gateway.synced = false;
    gateway.boot = 'gateway-2';
    gateway.clock.jumpWall(-30 * dayMs);
    gateway.start();
    const entry = new Device(gateway);
    entry.boot = 'boot-9';
    const connection = await entry.connect();
    const made = entry.make();
    const { fromMs, toMs } = gateway.keeper.timeOf(connection, 'gate-a', made);
    expect(fromMs).toBeLessThanOrEqual(made.trueMs);
    expect(fromMs).toBeGreaterThan(made.trueMs - 2 * hourMs);
    expect(toMs).toBeGreaterThan(made.trueMs + 10 * 365 * dayMs);
    const answer = gateway.keeper.answer(Buffer.from('{"v":1,"boot":"boot-9","monotonicMs":5}'));
    expect(readTimeAnswer(answer ?? new Uint8Array())).toMatchObject({ synced: false });
  });

  it('that never had a time server is taken at its word, but not against a kiosk that has one', async () => {
    const gateway = new Gateway();
    gateway.saved = null;
    gateway.synced = false;
    gateway.start();
    gateway.clock.jumpWall(-100 * dayMs);
    const kiosk = new Device(gateway);
    const connection = await kiosk.connect();
    const unsure = kiosk.make();
    const byGateway = gateway.keeper.timeOf(connection, 'gate-a', unsure);
    expect(Math.abs(byGateway.bestMs - (unsure.trueMs - 100 * dayMs))).toBeLessThan(100);
    const sure = kiosk.make(true);
    expect(gateway.keeper.timeOf(connection, 'gate-a', sure)).toEqual(exactly(sure.trueMs));
    // From now on the boot is known better.
    const later = kiosk.make();
    expect(gateway.keeper.timeOf(connection, 'gate-a', later)).toEqual(exactly(later.trueMs));
  });

  it('does not believe a kiosk that says its clock is right and is months off', async () => {
    const gateway = new Gateway();
    const kiosk = new Device(gateway);
    const connection = await kiosk.connect();
    const entry = kiosk.make();
    const lie = {
      ...entry,
      at: new Date(gateway.trueMs + 90 * dayMs).toISOString(),
      clock: { ...entry.clock, synced: true },
    };
    const { bestMs, toMs } = gateway.keeper.timeOf(connection, 'gate-a', lie);
    expect(Math.abs(bestMs - entry.trueMs)).toBeLessThan(100);
    expect(toMs).toBeLessThan(entry.trueMs + 2_000);
    expect(gateway.log.events).toEqual(['time.disputed']);
  });

  it('takes what was written on paper for as exact as it was written', () => {
    const gateway = new Gateway();
    const clock = { synced: true, boot: 'paper', monotonicMs: 0 };
    const paper = { at: '2026-03-01T00:00:00.000Z', clock, epoch, seq: 1 };
    expect(gateway.keeper.timeOf({}, 'paper', paper)).toEqual(exactly(Date.UTC(2026, 2, 1)));
  });

  it('begins anew with a memory that is damaged, and says so', () => {
    const gateway = new Gateway();
    gateway.saved = '{"v":1,"anchor":';
    gateway.start();
    expect(gateway.log.events).toEqual(['time.unreadable']);
  });

  it(`remembers ${bootsPerKioskMax} boots of a kiosk, the one that it is in among them`, async () => {
    const gateway = new Gateway();
    const kiosk = new Device(gateway);
    const entries = Array.from({ length: 3 * bootsPerKioskMax }, (_, boot) => {
      kiosk.reboot(`boot-${boot}`);
      return kiosk.make();
    });
    const last = kiosk.make();
    const connection = await kiosk.connect();
    for (const entry of entries) gateway.keeper.timeOf(connection, 'gate-a', entry);
    gateway.keeper[Symbol.dispose]();
    const { kiosks } = JSON.parse(gateway.saved ?? '') as { kiosks: Record<string, unknown[]> };
    expect(kiosks['gate-a']).toHaveLength(bootsPerKioskMax);
    expect(Math.abs(gateway.keeper.timeOf(connection, 'gate-a', last).bestMs - last.trueMs)).toBeLessThan(100);
  });
});

/** What may happen to a site; numbers choose how long and how many. */
const happening = fc.record({
  what: fc.constantFrom('scan', 'scan', 'wait', 'send', 'send', 'lose', 'reboot', 'sync', 'restart', 'gateway-reboot'),
  ms: fc.nat({ max: 6 * hourMs }),
  some: fc.nat({ max: 20 }),
});

describe('whatever happens', () => {
  it('the true time of every entry lies within its bounds', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: -300, max: 300 }),
        fc.array(happening, { maxLength: 40 }),
        async (days, story) => {
          const gateway = new Gateway();
          const kiosk = new Device(gateway, days * dayMs);
          let unsent: ReturnType<Device['make']>[] = [];
          let boots = 1;
          for (const { what, ms, some } of story) {
            if (what === 'scan') for (let count = 0; count <= some; count++) unsent.push(kiosk.make(ms % 10 === 0));
            if (what === 'wait') await gateway.clock.advance(ms);
            if (what === 'reboot') {
              await gateway.clock.advance(20_000 + (ms % 600_000));
              kiosk.reboot(`boot-${++boots}`);
            }
            if (what === 'sync') gateway.synced = !gateway.synced;
            if (what === 'restart') gateway.start();
            if (what === 'gateway-reboot') {
              gateway.boot = `gateway-${gateway.clock.monotonicMs()}`;
              gateway.start();
            }
            if (what !== 'send' && what !== 'lose') continue;
            const connection = await kiosk.connect(ms % 5_000);
            const sent = unsent.slice(0, some);
            // What is lost on the way is sent again, and so is what was kept without an acknowledgement.
            for (const entry of sent) {
              const { bestMs, fromMs, toMs } = gateway.keeper.timeOf(connection, 'gate-a', entry);
              expect(fromMs).toBeLessThanOrEqual(bestMs);
              expect(bestMs).toBeLessThanOrEqual(toMs);
              expect(fromMs - exactMs).toBeLessThanOrEqual(entry.trueMs);
              expect(toMs + exactMs).toBeGreaterThanOrEqual(entry.trueMs);
            }
            if (what === 'send') unsent = unsent.slice(sent.length);
          }
        },
      ),
      { numRuns: 300 },
    );
  });
});
