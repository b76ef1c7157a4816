/** The little of johnny-five 2.1 that is used here; the package has no types. */
declare module 'johnny-five' {
  import type { EventEmitter } from 'node:events';

  interface BoardOptions {
    /** An IO plugin (https://github.com/rwaldron/io-plugins). Without one, johnny-five opens a serial port by itself. */
    readonly io: EventEmitter;
    readonly repl: false;
    readonly debug: false;
    readonly sigint: false;
  }

  class Board extends EventEmitter {
    constructor(options: BoardOptions);
  }

  class Led {
    constructor(options: { readonly pin: number; readonly board: Board });
    on(): this;
    off(): this;
  }

  const five: { readonly Board: typeof Board; readonly Led: typeof Led };
  export = five;
}
