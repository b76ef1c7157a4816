/**
 * The invitations that a site has given out, as files in `trust/invitations`: `<id>.json` says for what, `<id>.used.json`
 * by which key it was taken and what certificate that key was given, `<id>.done` that this kiosk has been here since. Each
 * is written once and never changed, so that a crash leaves either none or all of a step. The secret itself is not kept:
 * the id is its hash.
 */
import { createHash } from 'node:crypto';
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { gateNameSchema, secretBytes } from '../../shared/invitation.ts';
import type { Chance, Clock } from '../../shared/ports.ts';
import { makeDurableFolder, syncFolderAsync } from '../../shared/system/durable.ts';
import { isErrno } from '../../shared/system-error.ts';
import { kioskIdSchema } from '../../shared/topics.ts';
import { putFile, secretFileMode } from '../trust/durable-file.ts';
import { toDiskFault } from '../trust/trust-files.ts';

/** How long an invitation's files are kept after its end, in milliseconds. */
const keptMs = 30 * 86_400_000;

const invitedSchema = z.object({
  v: z.literal(1),
  kiosk: kioskIdSchema,
  gate: gateNameSchema,
  direction: z.enum(['in', 'out', 'toggle']),
  madeAt: z.iso.datetime(),
  expiresAt: z.iso.datetime(),
});

const usedSchema = z.object({
  v: z.literal(1),
  /** SHA-256 of the public key that took it, hexadecimal. */
  key: z.string(),
  at: z.iso.datetime(),
  certPem: z.string(),
});

/** For which gate an invitation is. */
export type Invited = z.infer<typeof invitedSchema>;

/** An invitation and what became of it. */
export interface InvitationState extends Invited {
  readonly id: string;
  readonly state: 'open' | 'used' | 'expired';
}

/** What became of an attempt to use an invitation. */
export type Redeemed =
  | { readonly invited: Invited; readonly certPem: string; readonly again: boolean }
  | { readonly refused: 'unknown' | 'expired' | 'used' };

/** The invitations of a site. Only one process, the serving gateway, may redeem; others may make and list meanwhile. */
export class Invitations {
  readonly #folder: string;
  readonly #clock: Clock;
  /** What waits for its turn: one is redeemed after the other. */
  #turn: Promise<unknown> = Promise.resolve();
  /** Used ones whose kiosk has not been here since, by kiosk; null until they were looked for. */
  #awaited: Map<string, string[]> | null = null;

  /** @param trustFolder where the site's keys are. */
  constructor(trustFolder: string, clock: Clock) {
    this.#folder = join(trustFolder, 'invitations');
    this.#clock = clock;
  }

  /** Makes an invitation, durably, and gives its secret. Throws the Fault DATA_DIR_UNUSABLE. */
  async make(
    invited: Omit<Invited, 'v' | 'madeAt' | 'expiresAt'>,
    expiresMs: number,
    chance: Chance,
  ): Promise<Uint8Array> {
    const secret = chance.bytes(secretBytes);
    const madeAt = new Date(this.#clock.nowMs()).toISOString();
    const whole: Invited = { v: 1, ...invited, madeAt, expiresAt: new Date(expiresMs).toISOString() };
    await this.#guard(async () => {
      makeDurableFolder(this.#folder);
      await this.#removeOld();
      await this.#put(`${idOf(secret)}.json`, whole);
    });
    return secret;
  }

  /** All that are kept. Throws the Fault DATA_DIR_UNUSABLE. */
  list(): Promise<readonly InvitationState[]> {
    return this.#guard(async () => {
      const names = await this.#names();
      const found: InvitationState[] = [];
      for (const id of idsIn(names)) {
        const invited = await this.#read(`${id}.json`, invitedSchema);
        if (invited === null) continue;
        const ended = this.#clock.nowMs() >= Date.parse(invited.expiresAt);
        found.push({ ...invited, id, state: names.includes(`${id}.used.json`) ? 'used' : ended ? 'expired' : 'open' });
      }
      return found;
    });
  }

  /**
   * Uses an invitation for a key. It works for one key only; that key is given the same certificate again until its kiosk
   * has been here, since an answer may be lost on its way. Throws the Fault DATA_DIR_UNUSABLE, then nothing was used.
   * @param certify makes the certificate; what it makes is handed out only when its use is on disk.
   */
  redeem(secret: Uint8Array, key: Uint8Array, certify: (kiosk: string) => Promise<string>): Promise<Redeemed> {
    const attempt = this.#turn.then(() => this.#guard(() => this.#redeem(idOf(secret), hashOf(key), certify)));
    this.#turn = attempt.catch(() => {});
    return attempt;
  }

  /** A kiosk is here: what it used is closed for good. Throws the Fault DATA_DIR_UNUSABLE. */
  async seen(kiosk: string): Promise<void> {
    await this.#guard(async () => {
      this.#awaited ??= await this.#findAwaited();
      const ids = this.#awaited.get(kiosk) ?? [];
      for (const id of ids) await this.#put(`${id}.done`, { v: 1, at: new Date(this.#clock.nowMs()).toISOString() });
      this.#awaited.delete(kiosk);
    });
  }

  /** Ends what is open for a kiosk. Throws the Fault DATA_DIR_UNUSABLE. */
  async withdraw(kiosk: string): Promise<void> {
    for (const { id, kiosk: whose } of await this.list()) {
      if (whose === kiosk) await this.#guard(() => this.#remove(id));
    }
  }

  async #redeem(id: string, key: string, certify: (kiosk: string) => Promise<string>): Promise<Redeemed> {
    const invited = await this.#read(`${id}.json`, invitedSchema);
    if (invited === null) return { refused: 'unknown' };
    const usedBefore = await this.#read(`${id}.used.json`, usedSchema);
    if (usedBefore !== null) return this.#again(id, invited, usedBefore, key);
    if (this.#clock.nowMs() >= Date.parse(invited.expiresAt)) return { refused: 'expired' };
    const certPem = await certify(invited.kiosk);
    const used = { v: 1 as const, key, at: new Date(this.#clock.nowMs()).toISOString(), certPem };
    if (!(await this.#put(`${id}.used.json`, used))) return { refused: 'used' };
    this.#awaited ??= await this.#findAwaited();
    this.#awaited.set(invited.kiosk, [...(this.#awaited.get(invited.kiosk) ?? []), id]);
    return { invited, certPem, again: false };
  }

  async #again(id: string, invited: Invited, used: z.infer<typeof usedSchema>, key: string): Promise<Redeemed> {
    const done = (await this.#names()).includes(`${id}.done`);
    return used.key === key && !done ? { invited, certPem: used.certPem, again: true } : { refused: 'used' };
  }

  async #findAwaited(): Promise<Map<string, string[]>> {
    const awaited = new Map<string, string[]>();
    const names = await this.#names();
    for (const { id, kiosk, state } of await this.list()) {
      if (state !== 'used' || names.includes(`${id}.done`)) continue;
      awaited.set(kiosk, [...(awaited.get(kiosk) ?? []), id]);
    }
    return awaited;
  }

  async #names(): Promise<readonly string[]> {
    try {
      return await readdir(this.#folder);
    } catch (error) {
      if (isErrno(error, 'ENOENT')) return [];
      throw error;
    }
  }

  /** Null where there is none, or none that can be read: an invitation that is damaged invites nobody. */
  async #read<T>(name: string, schema: z.ZodType<T>): Promise<T | null> {
    try {
      return schema.safeParse(JSON.parse(await readFile(join(this.#folder, name), 'utf8'))).data ?? null;
    } catch (error) {
      if (isErrno(error, 'ENOENT') || error instanceof SyntaxError) return null;
      throw error;
    }
  }

  /** Puts a file in its place, unless one is there: then it is left alone, and false is returned. */
  #put(name: string, content: object): Promise<boolean> {
    return putFile(this.#folder, { name, content: `${JSON.stringify(content)}\n`, mode: secretFileMode });
  }

  async #removeOld(): Promise<void> {
    for (const { id, expiresAt } of await this.list()) {
      if (this.#clock.nowMs() - Date.parse(expiresAt) > keptMs) await this.#remove(id);
    }
  }

  async #remove(id: string): Promise<void> {
    for (const suffix of ['.json', '.used.json', '.done']) await rm(join(this.#folder, id + suffix), { force: true });
    await syncFolderAsync(this.#folder);
  }

  async #guard<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw toDiskFault(this.#folder, error);
    }
  }
}

/** 32 hexadecimal digits: a name for a file that tells nothing of the secret. */
function idOf(secret: Uint8Array): string {
  return hashOf(secret).slice(0, 32);
}

function hashOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function idsIn(names: readonly string[]): readonly string[] {
  return names.flatMap((name) => /^([0-9a-f]{32})\.json$/.exec(name)?.[1] ?? []);
}
