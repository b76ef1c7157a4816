/**
 * The little of johnny-five 2.1 that is used here; the package has no types. Its two modules are taken one by one: its
 * main module loads every motor and sensor it knows, which costs a Pi memory and start-up time.
 */
declare module 'johnny-five/lib/board.js' {
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

  export = Board;
}

declare module 'johnny-five/lib/led/led.js' {
  import type Board from 'johnny-five/lib/board.js';

  class Led {
    constructor(options: { readonly pin: number; readonly board: Board });
    on(): this;
    off(): this;
  }

  export = Led;
}
