/** What one gateway serves at most, and how long it waits. */
export const brokerLimits = {
  /** Connections of kiosks that have proved who they are; further ones are closed. */
  connectionsMax: 512,
  /** Connections of one kiosk; the oldest is closed when one more comes (it may be half dead). */
  connectionsPerKioskMax: 4,
  /** From TCP to the end of the TLS handshake. */
  handshakeTimeoutMs: 10_000,
  /**
   * Connections that have not proved yet who they are, in all and from one address. One more makes the oldest go that
   * has said nothing, or else the oldest, so strangers never keep a kiosk out by being many.
   */
  handshakesMax: 128,
  handshakesPerAddressMax: 64,
  /** Of these, so many are in TLS at once: each takes about 100 KiB. The others wait for their turn. */
  handshakesBegunMax: 16,
  /** One that has been in TLS for so long, when all places are taken, gives way to the next. */
  handshakePatienceMs: 500,
  /** So many begin TLS in one turn of the event loop. */
  handshakesPerTurnMax: 2,
  /** From there to the CONNECT packet. */
  connectTimeoutMs: 10_000,
  /** All bytes up to and with the CONNECT packet; a client that sends more before it is answered is closed. */
  connectBytesMax: 2_048,
  /** One packet afterwards; a longer one closes the connection. */
  packetBytesMax: 65_536,
  /** The longest keep-alive. 0, which means none, is refused: a dead kiosk would stay "online" for ever. */
  keepaliveSecondsMax: 300,
  /** One state message; a longer one is not kept. */
  stateBytesMax: 4_096,
  /** Topic filters that one connection has at once; further ones are refused in the SUBACK. */
  filtersPerConnectionMax: 16,
  /** How long a client may leave what it is sent unread before it is closed. */
  drainTimeoutMs: 30_000,
  /** How long a stop waits for entries that are being committed, and then for their PUBACKs to be sent. */
  stopTimeoutMs: 1_500,
} as const;

export type BrokerLimits = { readonly [Name in keyof typeof brokerLimits]: number };
