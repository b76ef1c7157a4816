/** What a site remembers of its kiosks' certificates: which were made, which came, which are cut off. */
import { join } from 'node:path';
import type { Clock } from '../../shared/ports.ts';
import { appendLine } from './durable-file.ts';
import { type Enrolled, type Revoked, readEnrolled, readRevoked, readUsed, type Used } from './enrolled.ts';
import { toDiskFault, trustFiles } from './trust-files.ts';

/** Every call throws the Fault DATA_DIR_UNUSABLE. */
export interface KioskRecords {
  /** Every certificate that was ever made for a kiosk, oldest first. */
  enrolled(): Promise<readonly Enrolled[]>;
  /** Every certificate that was cut off. */
  revoked(): Promise<readonly Revoked[]>;
  /** With which certificates kiosks came, oldest first. */
  used(): Promise<readonly Used[]>;
  /** Remembers, durably, that a kiosk came with another certificate than before. */
  noteUse(kiosk: string, serial: string): Promise<void>;
  /** Cuts off all certificates that a kiosk has, durably, and says how many. */
  revoke(kiosk: string): Promise<number>;
}

/** The records as files of the trust folder, to which lines are added. */
export class RecordFiles implements KioskRecords {
  protected readonly folder: string;
  readonly #clock: Clock;

  constructor(folder: string, clock: Clock) {
    this.folder = folder;
    this.#clock = clock;
  }

  enrolled(): Promise<readonly Enrolled[]> {
    return this.guard(() => readEnrolled(join(this.folder, trustFiles.enrolled)));
  }

  revoked(): Promise<readonly Revoked[]> {
    return this.guard(() => readRevoked(join(this.folder, trustFiles.revoked)));
  }

  used(): Promise<readonly Used[]> {
    return this.guard(() => readUsed(join(this.folder, trustFiles.used)));
  }

  noteUse(kiosk: string, serial: string): Promise<void> {
    return this.append(trustFiles.used, { kiosk, serial: serial.toLowerCase(), at: this.#now() } satisfies Used);
  }

  revoke(kiosk: string): Promise<number> {
    return this.revokeAll((one) => one.kiosk === kiosk);
  }

  /** Until there are no more: the serving gateway may be renewing one of them, and looks here when it has recorded it. */
  protected async revokeAll(isMeant: (one: Enrolled) => boolean): Promise<number> {
    for (let count = 0; ; ) {
      const before = new Set((await this.revoked()).map(({ serial }) => serial));
      const meant = (await this.enrolled()).filter((one) => isMeant(one) && !before.has(one.serial));
      if (meant.length === 0) return count;
      for (const { kiosk, serial } of meant) {
        await this.append(trustFiles.revoked, { kiosk, serial, at: this.#now() } satisfies Revoked);
      }
      count += meant.length;
    }
  }

  protected append(name: string, line: object): Promise<void> {
    return this.guard(() => appendLine(join(this.folder, name), JSON.stringify(line)));
  }

  /** What the disk says, as a Fault. */
  protected async guard<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw toDiskFault(this.folder, error);
    }
  }

  #now(): string {
    return new Date(this.#clock.nowMs()).toISOString();
  }
}
