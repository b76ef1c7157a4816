import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openUpstream } from '../../gateway/upstream/open-upstream.ts';
import { parseUpstreamUrl } from '../../gateway/upstream/upstream-url.ts';
import type { Upstream } from '../../shared/ports.ts';
import { systemClock } from '../../shared/system/clock.ts';
import { startHttpUpstream } from '../fakes/http-upstream.ts';
import { RecordingLog } from '../fakes/recording-log.ts';
import { makeTestAuthority } from '../fakes/upstream-certificates.ts';
import { describeUpstream } from './upstream.ts';

const token = 'made-up-token';

async function open(url: string, dir: string, ca: string | null = null): Promise<Upstream> {
  const parsed = parseUpstreamUrl(url, dir);
  if ('problem' in parsed) throw new Error(parsed.problem);
  const tls = { ca, cert: null, key: null };
  const log = new RecordingLog();
  return openUpstream(parsed.value, { site: 'Site A', token, tls, version: '1.2.3', clock: systemClock, log });
}

const makeDir = () => mkdtemp(join(tmpdir(), 'ravao-upstream-'));

describeUpstream('a file upstream', async () => {
  const dir = await makeDir();
  const upstream = await open('file:./out/entries.ndjson', dir);
  const folder = join(dir, 'out');
  return {
    upstream,
    secrets: [token],
    async received() {
      const text = await readFile(join(folder, 'entries.ndjson'), 'utf8');
      return text
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as unknown);
    },
    breakDown: () => rename(folder, `${folder}-away`),
    mend: () => rename(`${folder}-away`, folder),
    async [Symbol.asyncDispose]() {
      await upstream[Symbol.asyncDispose]();
      await rm(dir, { recursive: true, force: true });
    },
  };
});

describeHttp('an HTTP upstream', false);
describeHttp('an HTTPS upstream', true);

function describeHttp(name: string, secure: boolean): void {
  describeUpstream(name, async () => {
    const dir = await makeDir();
    const authority = secure ? await makeTestAuthority() : null;
    const server = await startHttpUpstream(authority === null ? {} : { tls: await authority.certify() });
    if (authority !== null) await writeFile(join(dir, 'ca.pem'), authority.ca);
    const upstream = await open(`${server.url}?key=hunter2`, dir, authority === null ? null : join(dir, 'ca.pem'));
    return {
      upstream,
      secrets: [token, 'hunter2'],
      received: async () => server.events.map(({ data }) => data),
      async breakDown() {
        server.script = () => 'close';
        server.dropConnections();
      },
      async mend() {
        server.script = () => ({ status: 204 });
      },
      async [Symbol.asyncDispose]() {
        await upstream[Symbol.asyncDispose]();
        await server[Symbol.asyncDispose]();
        await rm(dir, { recursive: true, force: true });
      },
    };
  });
}
