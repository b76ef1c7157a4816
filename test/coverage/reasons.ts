/** Why a branch is taken in no test that is counted: by its file and a part of its line. */
export const reasons: readonly { readonly path: string; readonly text: string; readonly why: string }[] = [
  {
    path: 'kiosk/outbox-database.ts',
    text: 'meta === undefined || highest > meta.lastSeq',
    why: 'an outbox whose row of counts is gone while its file is sound: the other half of the test is taken',
  },
  {
    path: 'kiosk/outbox-database.ts',
    text: 'row === undefined ? null',
    why: 'the table of the gate is made in the transaction that writes its only row',
  },
  {
    path: 'kiosk/outbox.ts',
    text: 'depth.get() ?? 0',
    why: 'a count always has a row; the type of the library cannot say so',
  },
  {
    path: 'kiosk/link.ts',
    text: "if (this.#phase !== 'connecting') return;",
    why: 'mqtt.js tells of no connection after it was told to end',
  },
  {
    path: 'kiosk/link.ts',
    text: "if (this.#phase === 'over') return;",
    why: 'mqtt.js gives no message after it was told to end',
  },
  {
    path: 'kiosk/link.ts',
    text: "if (this.#phase !== 'online') return;",
    why: 'entries are sent only while online, and the timer ends with that',
  },
  {
    path: 'kiosk/link.ts',
    text: "error.message === '' ? code || error.name",
    why: 'an error with neither a message nor a code, which Node does not make',
  },
  {
    path: 'gateway/intake.ts',
    text: 'if (error instanceof Fault) return;',
    why: 'a bug in a store: the process ends, which no test in the same process can outlive',
  },
  {
    path: 'gateway/forwarder.ts',
    text: "delivery.type === 'taken' ? 'taken'",
    why: 'asked only of deliveries that took nothing; the type cannot say so',
  },
  {
    path: 'gateway/forwarder.ts',
    text: 'settled.at(-1)?.position ?? 0',
    why: 'called only where something is settled; the type cannot say so',
  },
  {
    path: 'gateway/forwarding.ts',
    text: "delivery.rejected[0]?.reason ?? 'rejected'",
    why: 'all of a batch were rejected, and a batch has at least one; the type cannot say so',
  },
  {
    path: 'gateway/store/scrubbing.ts',
    text: "if (holder.inTransaction) holder.exec('ROLLBACK')",
    why: 'an I/O error of the disk between the beginning and the end of overwriting',
  },
  {
    path: 'gateway/store/scrubbing.ts',
    text: '/^SQLITE_(BUSY|LOCKED)/',
    why: 'the same error, which is thrown on',
  },
  {
    path: 'gateway/store/scrubbing.ts',
    text: '< pageBytes) continue',
    why: 'another process cuts the file off in the microseconds after its pages were looked at',
  },
  {
    path: 'gateway/store/scrubbing.ts',
    text: 'if (slack !== null) writeSync',
    why: 'another process fills a page in the microseconds after it was looked at',
  },
];
