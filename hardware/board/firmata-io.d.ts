/** The little of firmata-io 2.3 that is used here; the package has no types. */
declare module 'firmata-io' {
  import type { EventEmitter } from 'node:events';

  interface FirmataPin {
    readonly supportedModes: readonly number[];
  }

  /** What it uses of a serial port. It listens for `data`, `open`, `close` and `error`. */
  interface Transport extends EventEmitter {
    write(bytes: Buffer, callback: () => void): void;
  }

  /** Emits `ready` after the handshake, `reportversion` whenever the firmware starts. */
  class Firmata extends EventEmitter {
    constructor(transport: Transport, options: { readonly reportVersionTimeout: number });
    readonly MODES: { readonly OUTPUT: number };
    readonly pins: readonly FirmataPin[];
    /** Writes that were handed to the transport and not finished. */
    readonly pending: number;
    readonly reportVersionTimeoutId: NodeJS.Timeout;
    pinMode(pin: number, mode: number): void;
    digitalWrite(pin: number, value: 0 | 1): void;
    queryFirmware(callback: () => void): void;
  }

  const firmata: { readonly Firmata: typeof Firmata };
  export = firmata;
}
