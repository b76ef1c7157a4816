/** What `kiosks` says of each, and what `revoke` ends with it. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { openAudit } from '../../../gateway/audit/audit.ts';
import { Invitations } from '../../../gateway/enrol/invitations.ts';
import { describeKiosks, listKiosks, resetKiosk, revokeKiosk } from '../../../gateway/enrol/kiosk-commands.ts';
import { openTrust, type Trust } from '../../../gateway/trust/authority.ts';
import { kioskValidMs } from '../../../gateway/trust/lifetimes.ts';
import { endsSoonMs } from '../../../shared/renewal.ts';
import { RecordingLog } from '../../fakes/recording-log.ts';
import { makeKeyPair } from '../../fakes/renewing-kiosk.ts';
import { seededChance } from '../../fakes/seeded-chance.ts';
import { VirtualClock } from '../../fakes/virtual-clock.ts';

let dataDir: string;
let clock: VirtualClock;
let trust: Trust;
const log = new RecordingLog();

beforeEach(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'ravao-kiosks-'));
  clock = new VirtualClock();
  trust = await openTrust(join(dataDir, 'trust'), { site: 'A', clock, log });
  for (const kiosk of ['gate-a', 'gate-b']) await trust.enrol(kiosk, join(dataDir, kiosk));
});
afterEach(() => rmSync(dataDir, { recursive: true }));

const config = () => ({ dataDir, site: 'A' });
const lines = async () => [...describeKiosks(await listKiosks(config(), { clock, log }), 'text')].join('');

it('a certificate that ends soon is told of until there is another, and not for a kiosk that is gone', async () => {
  expect(await lines()).not.toContain('ENDS SOON');
  clock.jumpWall(kioskValidMs - endsSoonMs + 1);
  expect(await lines()).toMatch(/^gate-a: enrolled.*\n {2}ITS CERTIFICATE ENDS SOON.*\ngate-b: enrolled.*\n {2}ITS/);
  await trust.certify('gate-a', makeKeyPair().publicKey.export({ type: 'spki', format: 'der' }));
  await trust.revoke('gate-b');
  expect(await lines()).not.toContain('ENDS SOON');
  const listed = await listKiosks(config(), { clock, log });
  expect(listed.map(({ kiosk, state, endsSoon }) => [kiosk, state, endsSoon])).toEqual([
    ['gate-a', 'enrolled', false],
    ['gate-b', 'revoked', false],
  ]);
});

it('a copy and an order to reset are told of until the kiosk is revoked', async () => {
  const at = new Date(clock.nowMs()).toISOString();
  writeFileSync(join(dataDir, 'clones.json'), JSON.stringify({ 'gate-a': { sign: 'entries', since: at, last: at } }));
  await clock.advance(1_000);
  await resetKiosk('gate-a', false, config(), { clock, log });
  expect(await lines()).toMatch(/gate-a: .*\n {2}TWO MACHINES USE IT, since .*\n {2}It was told at/);
  expect(JSON.parse([...describeKiosks(await listKiosks(config(), { clock, log }), 'json')][0] ?? '')).toMatchObject({
    clonedSince: at,
    resetOrderedAt: new Date(clock.nowMs()).toISOString(),
  });
  await revokeKiosk('gate-a', config(), { clock, log });
  expect(await lines()).not.toMatch(/TWO MACHINES|It was told/);
});

it('each bears the name of the gate that it was invited for last, unless it was enrolled in a folder since', async () => {
  const audit = openAudit(dataDir, { clock });
  const invited = (kiosk: string, gate: string) => audit.record({ action: 'kiosk.invited', what: { kiosk, gate } });
  await invited('gate-a', 'Cổng cũ');
  await invited('gate-a', 'Cổng A');
  await invited('gate-b', 'Cổng B');
  await audit.record({ action: 'kiosk.enrol', what: { kiosk: 'gate-b', force: true } });
  expect(await lines()).toMatch(/^gate-a \(Cổng A\): enrolled, until .*\ngate-b: enrolled, /);
  const listed = await listKiosks(config(), { clock, log });
  expect(listed.map(({ gateName }) => gateName)).toEqual(['Cổng A', null]);
});

it('a kiosk is cut off in numbers that are spoken well', async () => {
  expect(await revokeKiosk('gate-a', config(), { clock, log })).toMatch(
    /: 1 certificate revoked, 0 invitations withdr/,
  );
});

it('an order to a kiosk that is not there, or cut off, or only invited, is refused as what it is', async () => {
  await revokeKiosk('gate-b', config(), { clock, log });
  const invited = { kiosk: 'gate-d', gate: 'D', direction: 'in' } as const;
  await new Invitations(join(dataDir, 'trust'), clock).make(invited, clock.nowMs() + 60_000, seededChance(1));
  for (const cancel of [true, false]) {
    const refusals = ['gate-b', 'gate-c', 'gate-d'].map((kiosk) =>
      resetKiosk(kiosk, cancel, config(), { clock, log }).catch(({ code, message }) => [
        code,
        message.split('. ').at(-1),
      ]),
    );
    expect(await Promise.all(refusals)).toEqual([
      ['KIOSK_NOT_ENROLLED', 'gate-b: revoked'],
      ['KIOSK_UNKNOWN', 'gate-c'],
      ['KIOSK_NOT_ENROLLED', 'gate-d: invited'],
    ]);
  }
});
