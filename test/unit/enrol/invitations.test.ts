import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Invitations } from '../../../gateway/enrol/invitations.ts';
import { seededChance } from '../../fakes/seeded-chance.ts';
import { VirtualClock } from '../../fakes/virtual-clock.ts';

const hourMs = 3_600_000;
const gate = { kiosk: 'cong-a', gate: 'Cổng A', direction: 'in' } as const;
const [oneKey, otherKey] = [new Uint8Array(91).fill(1), new Uint8Array(91).fill(2)];

let root: string;
let clock: VirtualClock;
let invitations: Invitations;
let certified: string[];
const chance = seededChance(1);

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'ravao-invitations-'));
  clock = new VirtualClock();
  invitations = new Invitations(root, clock);
  certified = [];
});
afterEach(() => rm(root, { recursive: true, force: true }));

function invite(hours = 24): Promise<Uint8Array> {
  return invitations.make(gate, clock.nowMs() + hours * hourMs, chance);
}

async function certify(kiosk: string): Promise<string> {
  certified.push(kiosk);
  return `certificate ${certified.length}`;
}

describe('an invitation on the gateway', () => {
  it('works once: the second kiosk is told that it was used', async () => {
    const secret = await invite();
    expect(await invitations.redeem(secret, oneKey, certify)).toMatchObject({
      certPem: 'certificate 1',
      invited: gate,
    });
    expect(await invitations.redeem(secret, otherKey, certify)).toEqual({ refused: 'used' });
    expect(certified).toEqual(['cong-a']);
  });

  it('works for one of many kiosks that ask in the same moment', async () => {
    const secret = await invite();
    const keys = Array.from({ length: 20 }, (_, number) => new Uint8Array(91).fill(number));
    const outcomes = await Promise.all(keys.map((key) => invitations.redeem(secret, key, certify)));
    expect(outcomes.filter((outcome) => 'certPem' in outcome)).toHaveLength(1);
    expect(certified).toHaveLength(1);
  });

  it('works for one of two, even if two processes redeem', async () => {
    const secret = await invite();
    const other = new Invitations(root, clock);
    const outcomes = await Promise.all([
      invitations.redeem(secret, oneKey, certify),
      other.redeem(secret, otherKey, certify),
    ]);
    expect(outcomes.filter((outcome) => 'certPem' in outcome)).toHaveLength(1);
  });

  it('gives the same kiosk the same again, also after a restart, until that kiosk has been here', async () => {
    const secret = await invite();
    await invitations.redeem(secret, oneKey, certify);
    const restarted = new Invitations(root, clock);
    expect(await restarted.redeem(secret, oneKey, certify)).toMatchObject({ certPem: 'certificate 1', again: true });
    await restarted.seen('cong-b');
    expect(await restarted.redeem(secret, oneKey, certify)).toMatchObject({ again: true });
    await restarted.seen('cong-a');
    expect(await restarted.redeem(secret, oneKey, certify)).toEqual({ refused: 'used' });
    expect(await new Invitations(root, clock).redeem(secret, oneKey, certify)).toEqual({ refused: 'used' });
    expect(certified).toHaveLength(1);
  });

  it('is not used up by a certificate that could not be made', async () => {
    const secret = await invite();
    const failing = () => Promise.reject(new Error('no disk'));
    await expect(invitations.redeem(secret, oneKey, failing)).rejects.toThrow('no disk');
    expect(await invitations.redeem(secret, otherKey, certify)).toMatchObject({ certPem: 'certificate 1' });
  });

  it('ends at its hour', async () => {
    const secret = await invite(1);
    await clock.advance(hourMs - 1);
    expect(await invitations.list()).toMatchObject([{ state: 'open' }]);
    await clock.advance(1);
    expect(await invitations.redeem(secret, oneKey, certify)).toEqual({ refused: 'expired' });
    expect(await invitations.list()).toMatchObject([{ state: 'expired' }]);
  });

  it('is unknown with another secret, after it was withdrawn, or when its file is damaged', async () => {
    const [secret, damaged] = [await invite(), await invite()];
    expect(await invitations.redeem(new Uint8Array(16), oneKey, certify)).toEqual({ refused: 'unknown' });
    expect(await invitations.redeem(Buffer.from('../../x'), oneKey, certify)).toEqual({ refused: 'unknown' });
    for (const name of await readdir(join(root, 'invitations'))) {
      await writeFile(join(root, 'invitations', name), '{"v":1,"kiosk":"../x"}');
    }
    expect(await invitations.redeem(damaged, oneKey, certify)).toEqual({ refused: 'unknown' });
    const kept = await invite();
    await invitations.withdraw('cong-b');
    expect(await invitations.list()).toHaveLength(1);
    await invitations.withdraw('cong-a');
    expect(await invitations.redeem(kept, oneKey, certify)).toEqual({ refused: 'unknown' });
    expect(await invitations.redeem(secret, oneKey, certify)).toEqual({ refused: 'unknown' });
  });

  it('leaves nothing on the disk that tells its secret, and is for the owner alone', async () => {
    const secret = await invite();
    await invitations.redeem(secret, oneKey, certify);
    const folder = join(root, 'invitations');
    for (const name of await readdir(folder)) {
      expect((await stat(join(folder, name))).mode & 0o777).toBe(0o600);
      const text = `${name} ${await readFile(join(folder, name), 'utf8')}`;
      for (const form of ['hex', 'base64', 'base64url'] as const)
        expect(text).not.toContain(Buffer.from(secret).toString(form));
    }
  });

  it('is forgotten a month after its end', async () => {
    await invite();
    await clock.advance(32 * 24 * hourMs);
    await invite();
    expect(await invitations.list()).toHaveLength(1);
  });
});
