/** The way to the gateway: at which address, and with which credentials, the next connection is tried. */
import type { TLSSocket } from 'node:tls';
import type { Credentials } from './credentials.ts';
import { dialTls } from './dial.ts';

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** Dials with the credentials that are in use at that moment. */
export class Road {
  readonly #address: Address;
  #credentials: Credentials;
  #dial: () => TLSSocket;

  /** Throws the Fault CREDENTIALS_INVALID. */
  constructor(address: Address, credentials: Credentials) {
    this.#address = address;
    this.#credentials = credentials;
    this.#dial = dialTls({ ...address, ...credentials });
  }

  /** Those in use. */
  get credentials(): Credentials {
    return this.#credentials;
  }

  readonly dial = (): TLSSocket => this.#dial();

  /** Dials once with other credentials. Throws the Fault CREDENTIALS_INVALID. */
  readonly dialWith = (credentials: Credentials): TLSSocket => dialTls({ ...this.#address, ...credentials })();

  /** The next connection is made with these. */
  adopt(credentials: Credentials): void {
    this.#dial = dialTls({ ...this.#address, ...credentials });
    this.#credentials = credentials;
  }
}
