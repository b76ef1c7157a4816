import { randomBytes, randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { importSiteKey, type SiteKey, sealIdentity } from '../../shared/identity.ts';
import { systemClock } from '../../shared/system/clock.ts';
import { sleep } from '../../shared/time.ts';
import { freePort, type RunningProcess, startProcess } from '../fakes/processes.ts';
import { openPtyPair, type PtyPair } from '../fakes/pty.ts';
import { BareTable } from './bare-table.ts';
import { atMost, type BenchOptions, type BenchResult, makeResult, median, percentile } from './result.ts';
import { makeCard, makeRows, type Row } from './rows.ts';
import { makeSite, makeWorkplace, type Site, startGateway } from './site.ts';

const scans = 2_000;
const warmUp = 200;
/** The two take turns in blocks of this many, so that a busy moment of the machine hits both. */
const block = 200;

/** Between two scans, and between two bare records, in milliseconds: people pass one after the other. */
const gapMs = 10;

/** A start, or one scan, may take this long, in milliseconds. */
const timeoutMs = 30_000;

/**
 * From the write of a scan's last byte on a pseudo-terminal to `admitted`, in the real kiosk with a gateway that takes
 * its entries; beside the least that it must do: seal an identity and commit the row (FULL), bare. Each scan waits
 * for the one before, and a little longer.
 */
export async function benchScan({ scale, progress }: BenchOptions): Promise<BenchResult> {
  using workplace = makeWorkplace('scan');
  const site = await makeSite(workplace.dir, 1);
  const port = await freePort();
  await using _gateway = await startGateway(site, { port, upstream: `http://127.0.0.1:${await freePort()}/` });
  await using pty = await openPtyPair();
  await using kiosk = await startScanKiosk(workplace.dir, site, port, pty);
  using bare = await BareRecorder.open(workplace.dir);
  const cards = cardNumbers();
  await scanBlock(kiosk, pty, cards, warmUp);
  await bare.recordBlock(warmUp);
  const scanMs: number[] = [];
  const bareMs: number[] = [];
  for (let done = 0; done < scans * scale; done += block) {
    progress(`${done} of ${scans * scale} scans`);
    scanMs.push(...(await scanBlock(kiosk, pty, cards, block)));
    bareMs.push(...(await bare.recordBlock(block)));
  }
  return describe(scanMs, bareMs);
}

function describe(scanMs: readonly number[], bareMs: readonly number[]): BenchResult {
  const ratio = { name: 'p50, kiosk / bare', value: median(scanMs) / median(bareMs), unit: '' };
  const slow = { name: 'scan to admitted, p99', value: percentile(scanMs, 0.99), unit: 'ms' };
  return makeResult({
    name: 'scan',
    title: `scan to admitted over a pty, ${scanMs.length} scans`,
    figures: [
      { name: 'scan to admitted, p50', value: median(scanMs), unit: 'ms' },
      slow,
      { name: 'bare seal and commit, p50', value: median(bareMs), unit: 'ms' },
      { name: 'bare seal and commit, p99', value: percentile(bareMs, 0.99), unit: 'ms' },
      ratio,
    ],
    limits: [atMost(2, ratio), atMost(20, slow)],
  });
}

async function startScanKiosk(dir: string, site: Site, port: number, pty: PtyPair): Promise<RunningProcess> {
  const kiosk = await startProcess(['test/bench/scan-kiosk.ts'], {
    stdin: 'ignore',
    env: {
      RAVAO_DATA_DIR: join(dir, 'kiosk'),
      RAVAO_CREDENTIALS: site.credentialDirs[0] ?? '',
      RAVAO_GATEWAY_URL: `mqtts://127.0.0.1:${port}`,
      RAVAO_SCANNER: pty.kioskPath,
    },
  });
  // Opening a serial port throws away what was in it: scan only when it is open and the gateway is there.
  await kiosk.waitForLog('scanner.found', timeoutMs);
  await kiosk.waitForLog('shown', timeoutMs, { matches: ({ signal }) => signal === 'ready' });
  return kiosk;
}

function* cardNumbers(): Generator<number, never> {
  for (let number = 0; ; number++) yield number;
}

/** Scans one after the other; returns the milliseconds of each. */
async function scanBlock(
  kiosk: RunningProcess,
  pty: PtyPair,
  cards: Iterator<number, never>,
  count: number,
): Promise<number[]> {
  const elapsedMs: number[] = [];
  while (elapsedMs.length < count) {
    const since = kiosk.logs.length;
    const scan = `${makeCard(cards.next().value)}\r`;
    const writtenNs = process.hrtime.bigint();
    const written = pty.write(scan);
    const matches = ({ signal }: Readonly<Record<string, unknown>>) => signal === 'admitted';
    const { atNs } = await kiosk.waitForLog('shown', timeoutMs, { matches, since });
    await written;
    await sleep(systemClock, gapMs);
    elapsedMs.push(Number(BigInt(String(atNs)) - writtenNs) / 1e6);
  }
  return elapsedMs;
}

/** The least that recording somebody takes: HPKE and one commit, without a scanner, a station or an outbox's care. */
class BareRecorder implements Disposable {
  readonly #table: BareTable;
  readonly #siteKey: SiteKey;

  private constructor(table: BareTable, siteKey: SiteKey) {
    this.#table = table;
    this.#siteKey = siteKey;
  }

  static async open(dir: string): Promise<BareRecorder> {
    return new BareRecorder(new BareTable(dir), await importSiteKey(randomBytes(32)));
  }

  /** Seals and commits one after the other; returns the milliseconds of each. */
  async recordBlock(count: number): Promise<number[]> {
    const elapsedMs: number[] = [];
    for (const row of makeRows(['gate-0'], count)) {
      elapsedMs.push(await this.#record({ ...row, epoch: randomUUID() }));
      await sleep(systemClock, gapMs);
    }
    return elapsedMs;
  }

  async #record(row: Row): Promise<number> {
    const identity = { name: 'Nguyễn Văn A', number: '001099000000', birthYear: 1999, sex: 'male' as const };
    const startedNs = process.hrtime.bigint();
    await sealIdentity(this.#siteKey, identity, row.id);
    this.#table.append([row]);
    return Number(process.hrtime.bigint() - startedNs) / 1e6;
  }

  [Symbol.dispose](): void {
    this.#table[Symbol.dispose]();
  }
}
