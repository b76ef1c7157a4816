import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Audit, openAudit } from '../../../gateway/audit/audit.ts';
import { auditFileName } from '../../../gateway/audit/audit-file.ts';
import { verifyAudit } from '../../../gateway/audit/verify.ts';
import {
  controlPlaceFileName,
  describeUse,
  keepControlAudit,
  refusedLinesPerHourMax,
} from '../../../gateway/cards/control-audit.ts';
import { openRegister } from '../../../gateway/cards/register.ts';
import { registerPath } from '../../../gateway/cards/register-file.ts';
import { openIssuer } from '../../../gateway/trust/issuer.ts';
import { formatCardNumber, tenDigits } from '../../../shared/card-number.ts';
import type { ControlAction } from '../../../shared/control-card.ts';
import type { Entry } from '../../../shared/entry.ts';
import { Fault } from '../../../shared/fault.ts';
import { arrival } from '../../contract/store.ts';
import { auditLines } from '../../fakes/audit-lines.ts';
import { makeEntry, uuid } from '../../fakes/entries.ts';
import { MemoryStore } from '../../fakes/memory-store.ts';
import { RecordingLog } from '../../fakes/recording-log.ts';
import { until } from '../../fakes/until.ts';
import { VirtualClock } from '../../fakes/virtual-clock.ts';

const used: Partial<Entry> = {
  reason: 'control-close',
  code: { kind: 'control', verified: true },
  subject: null,
  control: { card: tenDigits(1), action: 'close' },
};
const forged: Partial<Entry> = {
  ...{ outcome: 'refused', reason: 'control-forged', code: { kind: 'unknown', verified: false }, subject: null },
  control: { card: null, action: null },
};

let dir: string;
let clock: VirtualClock;
let log: RecordingLog;
let store: MemoryStore;
let parts: AsyncDisposableStack;
let count: number;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'ravao-control-audit-'));
  mkdirSync(join(dir, 'trust'));
  clock = new VirtualClock();
  log = new RecordingLog();
  store = new MemoryStore();
  parts = new AsyncDisposableStack();
  count = 0;
});
afterEach(async () => {
  await parts.disposeAsync();
  rmSync(dir, { recursive: true, force: true });
});

function follow(audit?: Audit): AsyncDisposable {
  return parts.use(keepControlAudit({ store, dataDir: dir, clock, log, ...(audit && { audit }) }));
}

async function arrive(...entries: Partial<Entry>[]): Promise<void> {
  await store.append(entries.map((changes) => arrival(++count, changes)));
}

/** Lets time pass until so many lines are there. */
async function waitForLines(wanted: number): Promise<void> {
  await until(
    () => `${wanted} lines, not ${lines().length}`,
    20_000,
    async () => {
      await clock.advance(1_000);
      return lines().length >= wanted;
    },
  );
}

const lines = () => auditLines(dir);
const entriesOf = () => lines().map(({ what }) => what.entry);

describe("the audit of guards' cards", () => {
  it('has a line for each use, in order, and none for the entries of people', async () => {
    follow();
    await arrive({}, used, {}, { ...used, control: { card: tenDigits(1), action: 'open' }, reason: 'control-open' });
    await waitForLines(2);
    await arrive(used);
    await waitForLines(3);
    expect(entriesOf()).toEqual([2, 4, 5].map(uuid));
    expect(lines()[0]).toMatchObject({
      action: 'control.used',
      what: { entry: uuid(2), kiosk: 'gate-a', at: makeEntry(2).entry.at, card: formatCardNumber(1), does: 'close' },
    });
    expect(verifyAudit(dir).problems).toEqual([]);
  });

  it('names forged cards too, but a kiosk that is shown them all day only so often an hour', async () => {
    follow();
    await arrive(
      ...Array.from({ length: 2 * refusedLinesPerHourMax }, () => forged),
      { ...forged, kiosk: 'gate-b' },
      used,
    );
    await waitForLines(refusedLinesPerHourMax + 2);
    expect(lines().filter(({ action }) => action === 'control.refused')).toHaveLength(refusedLinesPerHourMax + 1);
    expect(lines()[0]).toMatchObject({ what: { card: null, does: null, reason: 'control-forged' } });
    expect(log.events).toContain('control.refusals-unwritten');
    await clock.advance(3_600_000);
    await arrive(forged);
    await waitForLines(refusedLinesPerHourMax + 3);
  });

  it('goes on where it was after a restart, and from the audit where its place was lost', async () => {
    const first = follow();
    await arrive(used, {}, used);
    await waitForLines(2);
    await first[Symbol.asyncDispose]();
    rmSync(join(dir, controlPlaceFileName));
    await arrive(used);
    const second = follow();
    await waitForLines(3);
    await second[Symbol.asyncDispose]();
    expect(entriesOf()).toEqual([1, 3, 4].map(uuid));
    expect(JSON.parse(readFileSync(join(dir, controlPlaceFileName), 'utf8'))).toEqual({ position: 4 });
  });

  it('looks at everything again where the store was replaced by a shorter one', async () => {
    writeFileSync(join(dir, controlPlaceFileName), '{"position":1000}');
    await arrive(used);
    follow();
    await waitForLines(1);
    expect(log.events).toContain('control.place-reset');
  });

  it('has each use once, whatever fails before or after a line is written, and wherever the process ends', async () => {
    const step = fc.constantFrom('works', 'fails-before', 'fails-after', 'dies-before', 'dies-after');
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 8 }), fc.boolean(), async (steps, keepsPlace) => {
        rmSync(join(dir, auditFileName), { force: true });
        rmSync(join(dir, 'trust'), { recursive: true });
        mkdirSync(join(dir, 'trust'));
        rmSync(join(dir, controlPlaceFileName), { force: true });
        store = new MemoryStore();
        count = 0;
        await arrive(used, {}, used, used, {});
        const left = [...steps];
        while (lines().length < 3 || left.length > 0) {
          const death = Promise.withResolvers<string>();
          const real = openAudit(dir, { clock });
          const audit: Audit = {
            async record(act) {
              const what = left.shift() ?? 'works';
              if (what.endsWith('-after') || what === 'works') await real.record(act);
              if (what.startsWith('fails')) throw new Fault('AUDIT_WRITE_FAILED', 'made up');
              if (what.startsWith('dies')) {
                death.resolve('died');
                return new Promise<never>(() => {});
              }
              return { seq: 0, hash: '' };
            },
          };
          // A process that died does nothing more: it waits for its line for ever.
          const follower = keepControlAudit({ store, dataDir: dir, clock, log, audit });
          const all = async () => {
            for (let round = 0; round < 200 && lines().length < 3; round++) await clock.advance(1_000);
            await clock.advance(20_000);
          };
          const ended = await Promise.race([death.promise, all().then(() => 'alive')]);
          if (ended === 'alive') {
            await follower[Symbol.asyncDispose]();
            if (lines().length >= 3) left.length = 0;
          }
          if (!keepsPlace) rmSync(join(dir, controlPlaceFileName), { force: true });
        }
        expect(entriesOf()).toEqual([1, 3, 4].map(uuid));
      }),
      { numRuns: 25 },
    );
  });
});

describe("a guard's card that is genuine", () => {
  /** Registers the card of a number, as `cards control` does. */
  function register(number: number, action: ControlAction): void {
    const id = new Uint8Array(12);
    new DataView(id.buffer).setUint32(0, number);
    const days = { issuedDay: 2515, expiryDay: 2880 };
    const sealed = { enc: 'ZW5j', ct: 'Y3Q', key: 'a2V5' };
    using opened = openRegister(dir);
    opened.control.add([{ id, issuer: '0a0b0c0d', action, kiosk: null, guard: new Uint8Array(32), sealed, ...days }]);
  }

  const show = (number: number, action: ControlAction): Partial<Entry> => ({
    ...{ ...used, reason: `control-${action}` },
    control: { card: tenDigits(number), action },
  });

  it('is marked where it is in no register, or does something else there: somebody signed it elsewhere', async () => {
    register(1, 'close');
    register(2, 'open');
    follow();
    const refused = { ...show(4, 'open'), outcome: 'refused', reason: 'control-expired' } as const;
    await arrive(show(1, 'close'), show(2, 'close'), show(3, 'open'), show(2, 'open'), refused, forged);
    await waitForLines(6);
    expect(lines().map(({ what }) => [what.card, what.does, what.unregistered])).toEqual([
      [formatCardNumber(1), 'close', undefined],
      [formatCardNumber(2), 'close', true],
      [formatCardNumber(3), 'open', true],
      [formatCardNumber(2), 'open', undefined],
      [formatCardNumber(4), 'open', true],
      [null, null, undefined],
    ]);
    expect(log.lines.filter(({ event }) => event === 'control.unregistered')).toMatchObject([
      { level: 'error', fields: { kiosk: 'gate-a', entry: uuid(2) } },
    ]);
    expect(verifyAudit(dir).problems).toEqual([]);
  });

  it('has its line, and is accused of nothing, where the register cannot be read', async () => {
    await openIssuer(join(dir, 'trust'), 'A');
    follow();
    await arrive(show(1, 'close'));
    await waitForLines(1);
    writeFileSync(registerPath(dir), 'no database');
    await arrive(show(1, 'open'));
    await waitForLines(2);
    expect(lines().map(({ what }) => [what.unregistered, what.registerUnread])).toEqual([
      [undefined, 'REGISTER_MISSING'],
      [undefined, 'REGISTER_CORRUPT'],
    ]);
    expect(log.events).toContain('control.register-unread');
    expect(log.events).not.toContain('control.unregistered');
  });
});

describe('a line', () => {
  const of = (changes: Partial<Entry>) => {
    const { entry, body } = makeEntry(1, changes);
    return describeUse({ ...entry, body }, () => 'registered');
  };

  it('says who was let pass, whom a closed gate kept out, and what could not be checked', () => {
    const visitor = { code: { kind: 'visitor', verified: true }, control: { card: tenDigits(1), action: 'visitor' } };
    expect(of({ ...visitor, method: 'manual' })).toMatchObject({
      action: 'control.used',
      what: { does: 'visitor', direction: 'in' },
    });
    expect(of({ ...visitor, outcome: 'refused', reason: 'gate-closed' })).toMatchObject({
      action: 'control.used',
      what: { refused: 'gate-closed' },
    });
    const unsure = { kind: 'control', verified: true, warnings: ['expiry-unchecked'] };
    expect(of({ ...used, code: unsure })).toMatchObject({ what: { expiryUnchecked: true } });
  });

  it('is not made of a field that means something else', () => {
    for (const control of [
      null,
      'x',
      {},
      { card: 'Nguyễn Văn A', action: 'close' },
      { card: tenDigits(1), action: 'explode' },
    ]) {
      expect(of({ ...used, control })).toBeNull();
    }
  });
});
