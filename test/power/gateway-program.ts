/**
 * A gateway's custody at work, for the power cuts: `node gateway-program.ts MARKS DIR SEED SESSIONS BURSTS STARTSYNC ENDSYNC`. In
 * each of SESSIONS it opens trust, enrols a kiosk, opens store and the file that it forwards to, and takes BURSTS of packets,
 * with duplicates and garbage between, through the intake. It says what it is about to do and what it has acknowledged.
 * Then it kills itself (SIGKILL): with everything open, or, where ENDSYNC is a number, before
 * that sync of one more burst; or, where STARTSYNC is one, before that sync from its start.
 */
import { join } from 'node:path';
import { createForwarder } from '../../gateway/forwarder.ts';
import { createIntake } from '../../gateway/intake.ts';
import { openSqliteStore } from '../../gateway/store/sqlite.ts';
import { keepIndexed } from '../../gateway/tracing/indexing.ts';
import { openTrust } from '../../gateway/trust/authority.ts';
import { createFileUpstream } from '../../gateway/upstream/file-upstream.ts';
import type { Upstream } from '../../shared/ports.ts';
import { systemClock as clock } from '../../shared/system/clock.ts';
import { RecordingLog } from '../fakes/recording-log.ts';
import { seededChance } from '../fakes/seeded-chance.ts';
import { collect } from './collect.ts';
import { type GatewayMark, numberOf, packetOf, places } from './gateway-check.ts';
import { endAtSync, openMarks } from './write-log.ts';

const [marks = '', dir = '', seed = '', sessions = '', bursts = '', startSync = '', endSync = ''] =
  process.argv.slice(2);
const write = openMarks(marks);
const mark = (made: GatewayMark) => write(JSON.stringify(made));
const chance = seededChance(Number(seed));
const log = new RecordingLog();
const upTo = (max: number) => 1 + Math.floor(chance.fraction() * max);
const { data, trustFolder, enrolments, upstreamFile } = places(dir);

/** Says what the upstream has said that it has. */
function marking(upstream: Upstream): Upstream {
  return {
    name: upstream.name,
    wireBytes: (entry) => upstream.wireBytes(entry),
    send: async (batch, signal) => {
      const delivery = await upstream.send(batch, signal);
      if (delivery.type === 'taken') mark({ type: 'taken', numbers: batch.entries.map(({ body }) => numberOf(body)) });
      return delivery;
    },
    [Symbol.asyncDispose]: () => upstream[Symbol.asyncDispose](),
  };
}

if (startSync !== '') write(endAtSync(startSync));

for (let session = 1; ; session++) {
  const machine = () => ({ hostname: `gateway-${seed}-${session}`, addresses: [] });
  const trust = await openTrust(trustFolder, { site: 'Nhà máy A', clock, log, machine });
  mark({ type: 'trusted', key: trust.notice.key.id });
  const kiosk = `gate-${session}`;
  const folder = join(enrolments, chance.fraction() < 0.5 ? 'shared' : kiosk);
  mark({ type: 'enrolling', kiosk, folder });
  const { serial } = await trust.enrol(kiosk, folder, { force: true });
  mark({ type: 'enrolled', kiosk, folder, serial });
  await using parts = new AsyncDisposableStack();
  const store = parts.use(await openSqliteStore({ dir: data, log, limits: { entriesPerSegment: 8 } }));
  parts.use(keepIndexed({ store, clock, log }));
  const upstream = parts.use(marking(createFileUpstream({ name: 'file', path: upstreamFile, clock, log })));
  parts.use(createForwarder({ store, upstream, clock, chance, log }));
  const intake = parts.use(createIntake({ store, clock, log }));
  await trust.gatewayCredentials('127.0.0.1');
  mark({ type: 'renewed', hostname: machine().hostname });
  let next = (await collect(store.entries())).length;
  const take = async (number: number) => {
    const { kiosk, payload } = packetOf(number);
    await intake.accept({}, kiosk, payload);
    mark({ type: 'kept', number });
  };
  const burst = async () => {
    // What is lost on the way back is sent again; what is no entry has a negative number.
    const again = Array.from({ length: Math.min(next, upTo(3)) }, (_, index) => next - 1 - index);
    const fresh = Array.from({ length: upTo(8) }, () => next++);
    await Promise.all([...again, ...fresh, ...(upTo(3) === 1 ? [-1 - next] : [])].map(take));
  };
  for (let count = 0; count < Number(bursts); count++) await burst();
  if (session === Number(sessions)) {
    if (endSync !== '') {
      write(endAtSync(endSync));
      await burst();
    }
    process.kill(process.pid, 'SIGKILL');
  }
}
