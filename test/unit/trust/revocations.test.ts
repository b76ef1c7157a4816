import { appendFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LastSeen, readLastSeen, writeEveryMs } from '../../../gateway/enrol/last-seen.ts';
import { openTrust } from '../../../gateway/trust/authority.ts';
import { lookEveryMs, watchRevocations } from '../../../gateway/trust/revocations.ts';
import { systemClock } from '../../../shared/system/clock.ts';
import { RecordingLog } from '../../fakes/recording-log.ts';
import { until } from '../../fakes/until.ts';
import { VirtualClock } from '../../fakes/virtual-clock.ts';

let root: string;
const clock = systemClock;
const log = new RecordingLog();
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'ravao-revocations-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

const patienceMs = 20 * lookEveryMs;

describe('what is cut off', () => {
  it('is every certificate that a kiosk has, no other, and not those that it is given later', async () => {
    const trust = await openTrust(join(root, 'trust'), { site: 'A', clock, log });
    const made = [];
    for (const name of ['gate-a', 'gate-a', 'gate-b']) made.push(await trust.enrol(name, join(root, `${made.length}`)));
    expect(await trust.revoke('gate-a')).toBe(2);
    expect(await trust.revoke('gate-a')).toBe(0);
    const later = await trust.enrol('gate-a', join(root, 'later'));
    await using revocations = await watchRevocations(join(root, 'trust'), { clock, log });
    const isRevoked = [...made, later].map(({ serial }) => revocations.has(serial.toUpperCase()));
    expect(isRevoked).toEqual([true, true, false, false]);
  });

  it('is known soon after another process has added to it, also behind a torn line, and stays when the file goes', async () => {
    const folder = join(root, 'trust');
    const trust = await openTrust(folder, { site: 'A', clock, log });
    const { serial } = await trust.enrol('gate-a', join(root, 'a'));
    await using revocations = await watchRevocations(folder, { clock, log });
    let grown = 0;
    revocations.onGrowth(() => grown++);
    expect(revocations.has(serial)).toBe(false);
    await appendFile(join(folder, 'revoked.jsonl'), '{"kiosk":"gate-');
    await trust.revoke('gate-a');
    await until('the kiosk is revoked', patienceMs, () => revocations.has(serial));
    expect(grown).toBe(1);
    await rm(join(folder, 'revoked.jsonl'));
    const other = await trust.enrol('gate-b', join(root, 'b'));
    await trust.revoke('gate-b');
    await until('the other is revoked', patienceMs, () => revocations.has(other.serial));
    expect(revocations.has(serial)).toBe(true);
  });
});

describe('who was here last', () => {
  it('is written at once for a new kiosk, then now and then, and survives a restart', async () => {
    const virtual = new VirtualClock();
    const at = () => new Date(virtual.nowMs()).toISOString();
    const firstAt = at();
    {
      await using seen = new LastSeen(root, new Map(), virtual, log);
      seen.note('gate-a');
      await until('it is written', patienceMs, async () => (await readLastSeen(root)).get('gate-a') === firstAt);
      await virtual.advance(writeEveryMs / 2);
      seen.note('gate-a');
      expect((await readLastSeen(root)).get('gate-a')).toBe(firstAt);
    }
    expect([...(await readLastSeen(root))]).toEqual([['gate-a', at()]]);
    await appendFile(join(root, 'seen.json'), 'x');
    expect(await readLastSeen(root)).toEqual(new Map());
  });
});
