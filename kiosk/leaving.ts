/**
 * Leaves the site when its gateway orders so: everything is sent first, then no more is scanned, then the gateway cuts the
 * certificate off, and then the kiosk is a new one. Before that it takes no invitation, whoever holds it up.
 */
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { describeError, Fault } from '../shared/fault.ts';
import { type LeaveRequest, leaveAnswerSchema, leaveQuestion, orderBytesMax, ordersSchema } from '../shared/orders.ts';
import type { Chance, Clock, Log } from '../shared/ports.ts';
import { syncFolder } from '../shared/system/durable.ts';
import { sleep } from '../shared/time.ts';
import { ordersTopic } from '../shared/topics.ts';
import type { Asker } from './asking.ts';
import { ownCredentialsDir } from './config.ts';
import { certificateHash } from './credentials.ts';
import type { TopicReader, Topics } from './gateway-link.ts';
import type { Outbox } from './outbox.ts';

/** How often it is looked whether everything is sent, in milliseconds. */
const lookEveryMs = 500;

/** How often the gateway is told that the kiosk leaves, if it does not answer. Then the kiosk goes unheard: it was ordered to. */
const tellTimesMax = 3;

/** How long it waits between two of these, in milliseconds. */
const tellAgainMs = 2_000;

export interface LeavingOptions {
  readonly kiosk: string;
  readonly dataDir: string;
  /** Whether this kiosk was enrolled by an invitation; one that was not would find no way back. */
  readonly mayEnrol: boolean;
  readonly outbox: Pick<Outbox, 'depth'>;
  readonly asker: Asker;
  /** Takes no more scans; resolves when the last has been answered. */
  readonly stopScans: () => Promise<void>;
  /** Says goodbye to the gateway. */
  readonly stopLink: () => void;
  readonly clock: Clock;
  readonly log: Log;
}

/** Hears the orders. */
export class Leaving implements TopicReader, AsyncDisposable {
  readonly #options: LeavingOptions;
  readonly #stop = new AbortController();
  /** The order that stands; null when it was taken back. */
  #ordered: string | null = null;
  #leaving: Promise<void> | null = null;
  #hasLeft = false;

  constructor(options: LeavingOptions) {
    this.#options = options;
  }

  /** Whether the gate has ended because the kiosk is to become a new one. */
  get hasLeft(): boolean {
    return this.#hasLeft;
  }

  connected(topics: Topics): void {
    topics.subscribe(ordersTopic(this.#options.kiosk));
  }

  lost(): void {}

  heard(topic: string, payload: Uint8Array): void {
    const { kiosk, mayEnrol, log } = this.#options;
    if (topic !== ordersTopic(kiosk)) return;
    const order = readOrder(payload);
    if (order !== null && order.kiosk !== kiosk) return;
    this.#ordered = order?.reset ?? null;
    if (this.#ordered === null) return;
    if (!mayEnrol) {
      const remedy = 'It has its certificate from the folder in RAVAO_CREDENTIALS: revoke it on the gateway instead.';
      log.warn('reset.not-here', { kiosk, remedy });
      return;
    }
    if (this.#leaving !== null) return;
    log.warn('reset.ordered', { kiosk });
    this.#leaving = this.#leave().finally(() => {
      this.#leaving = null;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#leaving;
  }

  async #leave(): Promise<void> {
    const { outbox, stopScans, stopLink, dataDir, log } = this.#options;
    const { signal } = this.#stop;
    await this.#until(() => outbox.depth() === 0 || this.#ordered === null);
    if (signal.aborted || this.#ordered === null) return;
    const order = this.#ordered;
    await stopScans();
    // The last scan may have come while the scanner was being stopped.
    await this.#until(() => outbox.depth() === 0);
    if (signal.aborted) return;
    await markLeaving(dataDir);
    const isTold = await this.#tell({ v: 1, reset: order });
    log.warn('reset.left', { isTold });
    this.#hasLeft = true;
    stopLink();
  }

  async #until(isSo: () => boolean): Promise<void> {
    const { clock } = this.#options;
    while (!isSo() && !this.#stop.signal.aborted) await sleep(clock, lookEveryMs, this.#stop.signal);
  }

  async #tell(request: LeaveRequest): Promise<boolean> {
    const { asker, clock } = this.#options;
    for (let time = 1; time <= tellTimesMax; time++) {
      const answer = await asker.ask(leaveQuestion, Buffer.from(JSON.stringify(request)));
      if (answer !== null) return readAnswer(answer);
      await sleep(clock, tellAgainMs, this.#stop.signal);
    }
    return false;
  }
}

function readOrder(payload: Uint8Array) {
  try {
    if (payload.byteLength > orderBytesMax) return null;
    return ordersSchema.safeParse(JSON.parse(Buffer.from(payload).toString())).data ?? null;
  } catch {
    return null;
  }
}

function readAnswer(payload: Uint8Array): boolean {
  try {
    return leaveAnswerSchema.safeParse(JSON.parse(Buffer.from(payload).toString())).data?.left ?? false;
  } catch {
    return false;
  }
}

/**
 * Says in the data directory which certificate is being given up. From here on the gateway may have cut it off, so a kiosk
 * that is started again must go on with this.
 */
const markName = 'leaving.json';
const markSchema = z.looseObject({ v: z.literal(1), certificate: z.string() });

async function markLeaving(dataDir: string): Promise<void> {
  const { writeWhole } = await import('./enrol/new-credentials.ts');
  const certificate = certificateHash(ownCredentialsDir(dataDir));
  writeWhole(dataDir, markName, `${JSON.stringify({ v: 1, certificate })}\n`);
  syncFolder(dataDir);
}

/**
 * Makes a kiosk that was leaving a new one; does nothing where none was. Everything was sent before the mark was made, so
 * nothing is lost; should there be something unsent all the same, the kiosk stays what it is.
 * Throws the Faults of the command `reset` but for RESET_UNSENT.
 */
export async function finishLeaving(dataDir: string, parts: { clock: Clock; chance: Chance; log: Log }): Promise<void> {
  const path = join(dataDir, markName);
  if (!existsSync(path)) return;
  if (isMarked(dataDir, path)) {
    const { resetKiosk } = await import('./reset-command.ts');
    try {
      await resetKiosk({ dataDir, force: false, ...parts });
      parts.log.info('reset.done');
    } catch (error) {
      if (!(error instanceof Fault) || error.code !== 'RESET_UNSENT') throw error;
      parts.log.error('reset.refused', { error: describeError(error), remedy: error.remedy });
    }
  }
  rmSync(path, { force: true });
  syncFolder(dataDir);
}

/** A mark that is older than the credentials there are now says nothing of them. */
function isMarked(dataDir: string, path: string): boolean {
  try {
    const mark = markSchema.parse(JSON.parse(readFileSync(path, 'utf8')));
    return mark.certificate === certificateHash(ownCredentialsDir(dataDir));
  } catch {
    return false;
  }
}
