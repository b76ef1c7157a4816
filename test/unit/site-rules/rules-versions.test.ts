import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { describeKiosks, listKiosks } from '../../../gateway/enrol/kiosk-commands.ts';
import { RulesVersions, readHeldVersions, writeAfterMs } from '../../../gateway/site-rules/rules-versions.ts';
import { openTrust } from '../../../gateway/trust/authority.ts';
import { RecordingLog } from '../../fakes/recording-log.ts';
import { VirtualClock } from '../../fakes/virtual-clock.ts';

let dir: string;
let clock: VirtualClock;
let log: RecordingLog;
let versions: RulesVersions;

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'ravao-versions-'));
  clock = new VirtualClock();
  log = new RecordingLog();
  versions = await open();
});
afterEach(async () => {
  await versions[Symbol.asyncDispose]();
  rmSync(dir, { recursive: true, force: true });
});

async function open(): Promise<RulesVersions> {
  return new RulesVersions(dir, await readHeldVersions(dir), clock, log);
}

describe('the versions that kiosks hold', () => {
  it('are remembered over a restart, and written once for many changes', async () => {
    versions.told('v1');
    versions.held('gate-a', 'v1');
    versions.held('gate-b', null);
    expect(clock.timers).toBe(1);
    await clock.advance(writeAfterMs);
    await versions[Symbol.asyncDispose]();
    versions = await open();
    versions.told('v2');
    await versions[Symbol.asyncDispose]();
    const { told, kiosks } = await readHeldVersions(dir);
    expect([told, ...kiosks]).toEqual(['v2', ['gate-a', 'v1'], ['gate-b', null]]);
    versions.held('gate-a', 'v1');
    expect(clock.timers).toBe(0);
  });

  it('are unknown where the file cannot be read, and a disk that fails is only logged', async () => {
    writeFileSync(join(dir, 'rules-held.json'), '{"told":1}');
    expect(await readHeldVersions(dir)).toEqual({ told: null, kiosks: new Map() });
    rmSync(dir, { recursive: true });
    versions.told('v1');
    await versions[Symbol.asyncDispose]();
    expect(log.events).toEqual(['rules.versions-unwritten']);
  });

  it('are said of each kiosk as current, older or none', async () => {
    const trust = await openTrust(join(dir, 'trust'), { site: 'Nhà máy A', clock, log });
    for (const kiosk of ['gate-a', 'gate-b', 'gate-c', 'gate-d']) await trust.enrol(kiosk, join(dir, kiosk));
    versions.told('v2');
    versions.held('gate-a', 'v2');
    versions.held('gate-b', 'v1');
    versions.held('gate-c', null);
    await versions[Symbol.asyncDispose]();
    const listed = await listKiosks({ dataDir: dir, site: 'Nhà máy A' }, { clock, log });
    expect(listed.map(({ rules }) => rules)).toEqual(['current', 'older', 'none', null]);
    const lines = [...describeKiosks(listed, 'text')];
    expect(lines.map((line) => line.split(', ').slice(3).join())).toEqual([
      'rules current\n',
      'rules older\n',
      'rules none\n',
      '',
    ]);
  });
});
