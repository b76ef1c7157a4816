import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { describeKiosks, listKiosks, revokeKiosk } from '../../../gateway/enrol/kiosk-commands.ts';
import { Presence, readPresence, writeAfterMs } from '../../../gateway/enrol/presence.ts';
import { openTrust } from '../../../gateway/trust/authority.ts';
import { runProcess } from '../../fakes/processes.ts';
import { RecordingLog } from '../../fakes/recording-log.ts';
import { until } from '../../fakes/until.ts';
import { VirtualClock } from '../../fakes/virtual-clock.ts';

let dataDir: string;
let file: string;
let clock: VirtualClock;
const log = new RecordingLog();
const [first, second] = [{}, {}];
const patienceMs = 10_000;

beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'ravao-here-'));
  file = join(dataDir, 'here.json');
  clock = new VirtualClock();
});
afterEach(() => rmSync(dataDir, { recursive: true }));

const here = async () => [...(await readPresence(dataDir))];

/** Lets it write, and waits until those are said to be here. */
async function expectHere(...kiosks: string[]): Promise<void> {
  await clock.advance(writeAfterMs);
  await until(`here: ${kiosks}`, patienceMs, async () => (await here()).join() === kiosks.join());
}

describe('who is connected', () => {
  it('is known some seconds later, and nobody is when the gateway has stopped', async () => {
    {
      await using presence = new Presence(dataDir, clock, log);
      presence.note('gate-a', first, true);
      presence.note('gate-b', first, true);
      await expectHere('gate-a', 'gate-b');
      presence.note('gate-a', first, false);
      await expectHere('gate-b');
    }
    expect(existsSync(file)).toBe(false);
    expect(await here()).toEqual([]);
  });

  it('is still here when an older connection of it ends', async () => {
    await using presence = new Presence(dataDir, clock, log);
    presence.note('gate-a', first, true);
    presence.note('gate-a', second, true);
    presence.note('gate-a', first, false);
    await expectHere('gate-a');
  });

  it('is nobody where the gateway was killed, or the file says nothing that can be read', async () => {
    const gone = await runProcess(['-e', 'process.stdout.write(String(process.pid))']);
    writeFileSync(file, JSON.stringify({ process: Number(gone.stdout), kiosks: ['gate-a'] }));
    expect(await here()).toEqual([]);
    writeFileSync(file, JSON.stringify({ process: process.pid, kiosks: ['gate-a'] }));
    expect(await here()).toEqual(['gate-a']);
    writeFileSync(file, readFileSync(file, 'utf8').slice(3));
    expect(await here()).toEqual([]);
  });

  it('is forgotten at a start, and a disk that fails is only logged', async () => {
    writeFileSync(file, JSON.stringify({ process: process.pid, kiosks: ['gate-a'] }));
    {
      await using _ = new Presence(dataDir, clock, log);
      await until('nobody', patienceMs, async () => (await here()).length === 0);
      mkdirSync(file);
    }
    expect(log.events).toContain('kiosk.presence-unwritten');
  });

  it('is said by kiosks instead of when it was seen last, and not of one that is cut off', async () => {
    const trust = await openTrust(join(dataDir, 'trust'), { site: 'A', clock, log });
    for (const kiosk of ['gate-a', 'gate-b']) await trust.enrol(kiosk, join(dataDir, kiosk));
    const config = { dataDir, site: 'A' };
    const list = () => listKiosks(config, { clock, log });
    writeFileSync(file, JSON.stringify({ process: process.pid, kiosks: ['gate-a'] }));
    const text = [...describeKiosks(await list(), 'text')].join('');
    expect(text).toMatch(
      /^gate-a: enrolled, until [\d-]+, connected now\ngate-b: enrolled, until [\d-]+, last seen never\n$/,
    );
    expect((await list()).map(({ connected }) => connected)).toEqual([true, false]);
    await revokeKiosk('gate-a', config, { clock, log });
    expect((await list())[0]).toMatchObject({ state: 'revoked', connected: false });
  });
});
