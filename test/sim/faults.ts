/**
 * Everything that can go wrong in a world, one function a fault: it sets the fault up at once and lets it end by itself.
 * To add one, write it here; the scenario chooses among all of them, and `sim.test.ts` demands that each takes effect.
 */
import type { Chance } from '../../shared/ports.ts';
import type { KioskHost } from './kiosk-host.ts';
import { person } from './people.ts';
import { goodLine } from './pipe.ts';
import { revocableEnd } from './site-rules.ts';
import { upstreamMoods } from './upstream.ts';
import type { World } from './world.ts';

/** Draws from a seed, in the units that faults need. */
export class Draw {
  readonly #chance: Chance;

  constructor(chance: Chance) {
    this.#chance = chance;
  }

  /** A whole number from `from` up to and including `to`. */
  between(from: number, to: number): number {
    return from + Math.floor(this.#chance.fraction() * (to - from + 1));
  }

  chance(share: number): boolean {
    return this.#chance.fraction() < share;
  }

  pick<T>(items: readonly T[]): T {
    const item = items[this.between(0, items.length - 1)];
    if (item === undefined) throw new Error('nothing to pick from');
    return item;
  }

  shuffled<T>(items: readonly T[]): T[] {
    return items
      .map((item) => ({ item, at: this.#chance.fraction() }))
      .sort((a, b) => a.at - b.at)
      .map(({ item }) => item);
  }

  bytes(count: number): Uint8Array {
    return this.#chance.bytes(count);
  }
}

type Fault = (world: World, draw: Draw, kiosk: KioskHost) => void;

const dayMs = 24 * 3_600_000;

const cutLine: Fault = (world, draw, { id }) =>
  world.network.withConnection(id, (connection) => {
    const way = draw.pick(['up', 'down'] as const);
    const bytes = draw.between(1, way === 'up' ? 1500 : 30);
    connection.cutAfter(way, bytes, () => world.happened('link-cut', id));
  });

function halfOpen(name: string, ways: readonly ('up' | 'down')[]): Fault {
  return (world, _draw, { id }) =>
    world.network.withConnection(id, (connection) => {
      for (const way of ways) connection.swallow(way, () => world.happened(name, id));
    });
}

/** New connections fail for a while, and those that stand are lost. */
function blocked(name: string, mode: 'refused' | 'silent'): Fault {
  return (world, draw, { id }) => {
    const line = world.network.line(id);
    line.mode = mode;
    for (const connection of world.network.connectionsOf(id)) {
      if (mode === 'refused') connection.reset();
      else for (const way of ['up', 'down'] as const) connection.swallow(way);
    }
    world.happened(name, id);
    world.after(draw.between(1_000, 60_000), () => {
      line.mode = 'open';
    });
  };
}

const slowLine: Fault = (world, draw, { id }) => {
  const line = world.network.line(id);
  line.latencyMs = draw.between(100, 4_000);
  line.bytesPerS = draw.between(40, 4_000);
  world.happened('link-slow', id);
  world.after(draw.between(5_000, 60_000), () => Object.assign(line, { ...goodLine, mode: line.mode }));
};

const losePuback: Fault = (world, draw, { id }) =>
  world.network.withConnection(id, (connection) => {
    connection.losePuback(() => {
      world.happened('puback-lost', id);
      if (draw.chance(0.5)) world.after(draw.between(0, 12_000), () => connection.reset());
    });
  });

function gatewayCommit(kind: Parameters<World['gateway']['disk']['arm']>[0]): Fault {
  return ({ gateway }, draw) =>
    gateway.disk.arm(kind, draw.between(0, 6), kind.startsWith('crash') ? 1 : draw.between(1, 4));
}

function kioskCommit(kind: Parameters<World['gateway']['disk']['arm']>[0]): Fault {
  return (_world, draw, { disk }) =>
    disk.arm(kind, draw.between(0, 6), kind.startsWith('crash') ? 1 : draw.between(1, 3));
}

function upstreamMood(mood: (typeof upstreamMoods)[number]): Fault {
  return ({ upstream, after }, draw) => {
    upstream.mood = mood;
    after(draw.between(2_000, 60_000), () => {
      if (upstream.mood === mood) upstream.mood = null;
    });
  };
}

const stopGateway: Fault = (world, draw) => {
  if (!world.gateway.isServing || world.isHealing) return;
  world.happened('gateway-stop', 'gateway');
  world.gateway.stop(() => world.after(draw.between(500, 15_000), () => world.gateway.start()));
};

const stopKiosk: Fault = (world, draw, kiosk) => {
  if (kiosk.outbox === null || world.isHealing) return;
  world.happened('kiosk-stop', kiosk.id);
  kiosk.stop(() => world.after(draw.between(500, 15_000), () => kiosk.start()));
};

/** The site makes a new key: the gateway announces it from its next start on, each kiosk seals to it once it is enrolled anew. */
const rotateSiteKey: Fault = (world, draw, kiosk) => {
  world.siteKeyId = `site-key-${draw.between(2, 9)}`;
  world.happened('site-key-rotated', 'gateway');
  stopGateway(world, draw, kiosk);
  for (const each of world.kiosks) world.after(draw.between(1_000, 60_000), () => stopKiosk(world, draw, each));
};

/** Cards are revoked, and somebody tries one of them at each gate from then on. */
const revokeCards: Fault = (world, draw) => {
  const cards = Array.from({ length: draw.between(1, 3) }, () => draw.between(1, revocableEnd - 1));
  for (const card of cards) world.rules.revoke(card);
  world.happened('card-revoked', 'gateway');
  for (const kiosk of world.kiosks)
    for (const card of cards) world.after(draw.between(0, 40_000), () => kiosk.scanCard(card));
};

/** Some people are barred, and whoever was barred before is not any more; one of them tries each gate. */
const barPeople: Fault = (world, draw) => {
  const people = Array.from({ length: draw.between(0, 3) }, () => draw.between(0, 40));
  world.rules.bar(people);
  world.happened('people-barred', 'gateway');
  for (const kiosk of world.kiosks)
    for (const who of people) world.after(draw.between(0, 40_000), () => kiosk.scan(who));
};

/** So many cards of elsewhere are revoked that the list is of several chunks. */
const revokeMany: Fault = (world, draw) => {
  world.rules.revokeElsewhere(draw.between(2_000, 6_000));
  world.happened('cards-revoked-many', 'gateway');
};

/**
 * Cards are revoked, and then the register is put back from a backup that does not know of it. Whoever has such a card tries
 * it at each gate.
 */
const replaceRegister: Fault = (world, draw) => {
  const lost = [draw.between(1, revocableEnd - 1), draw.between(1, revocableEnd - 1)];
  for (const card of lost) world.rules.revoke(card);
  world.after(draw.between(2_000, 15_000), () => {
    world.rules.replace([]);
    world.happened('register-replaced', 'gateway');
    for (const kiosk of world.kiosks)
      for (const card of lost) world.after(draw.between(2_000, 30_000), () => kiosk.scanCard(card));
  });
};

/** The site's keys change: each kiosk must renew. */
const changeKeys: Fault = ({ siteTrust, gateway, happened }) => {
  siteTrust.changeKeys();
  gateway.announce();
  happened('keys-changed', 'gateway');
};

/** A kiosk is cut off, connected or not; after a while somebody enrols it anew, and its outbox is still there. */
const revokeKiosk: Fault = (world, draw, kiosk) => {
  void world.siteTrust.revoke(kiosk.id).then(() => {
    world.happened('kiosk-revoked', kiosk.id);
    for (const connection of world.network.connectionsOf(kiosk.id)) connection.reset();
  });
  world.after(draw.between(2_000, 40_000), () => kiosk.enrolAnew());
};

function jump(name: string, sign: 1 | -1): Fault {
  return (world, draw, kiosk) => {
    const { machine } = draw.chance(0.3) ? world.gateway : kiosk;
    // Some machines without a clock wake up in 1970.
    machine.jumpWall(sign < 0 && draw.chance(0.2) ? -100_000 * dayMs : sign * draw.between(1, 400) * dayMs);
    world.happened(name, machine.name);
    if (draw.chance(0.5)) world.after(draw.between(1_000, 60_000), () => machine.correctWall());
  };
}

/** Power comes and goes while the gateway is out of reach, people pass, and nobody tells the kiosk what time it is. */
const rebootOffline: Fault = (world, draw, kiosk) => {
  const line = world.network.line(kiosk.id);
  line.mode = 'refused';
  for (const connection of world.network.connectionsOf(kiosk.id)) connection.reset();
  const cuts = draw.between(1, 3);
  for (let cut = 1; cut <= cuts; cut++) {
    world.after(cut * 20_000, () => {
      if (world.isHealing || kiosk.outbox === null || line.mode !== 'refused') return;
      world.happened('kiosk-reboots-offline', kiosk.id);
      kiosk.crash('silent');
    });
  }
  for (let scan = 0; scan < 8 * cuts; scan++) world.after(scan * 2_500, () => kiosk.scan(draw.between(100, 800_000)));
  world.after(cuts * 20_000 + draw.between(10_000, 60_000), () => {
    line.mode = 'open';
  });
};

/** The plug is pulled while a code is on the wire; the driver may notice, or not. */
const unplugMidFrame: Fault = (world, draw, kiosk) => {
  const { card, subject } = person(draw.between(0, 40));
  const bytes = Buffer.from(card);
  kiosk.scanBytes(bytes.subarray(0, draw.between(1, bytes.byteLength - 1)));
  world.ledger.presented(kiosk.id, subject);
  world.ledger.unreadableScans += 2;
  world.happened('scanner-unplugged', kiosk.id);
  const says = draw.chance(0.6);
  world.after(draw.between(0, 100), () => world.isHealing || kiosk.plug(false, says));
  world.after(draw.between(3_000, 20_000), () => kiosk.plug(true));
};

const noise: Fault = (world, draw, kiosk) => {
  const kinds = [
    () => draw.bytes(draw.between(1, 40)),
    () => draw.bytes(draw.between(1, 40)).map((byte) => byte % 32),
    () => draw.bytes(9_000).map((byte) => 33 + (byte % 90)),
    () => Buffer.from('https://example.org/not-a-person'),
  ];
  const bytes = draw.pick(kinds)();
  kiosk.scanBytes(bytes);
  // Each byte that may end a frame ends one more; and what comes next may be spoilt.
  world.ledger.unreadableScans += 2 + [...bytes].filter((byte) => byte < 32).length;
  world.happened('scanner-noise', kiosk.id);
  if (draw.chance(0.5)) kiosk.scanBytes('\r\n');
};

/** The same card again and again, by hand or by a scanner in continuous mode. */
function repeated(name: string, everyMs: number, timesMax: number): Fault {
  return (world, draw, kiosk) => {
    const who = draw.between(0, 40);
    const times = draw.between(2, timesMax);
    for (let time = 0; time < times; time++) world.after(time * everyMs, () => kiosk.scan(who));
    world.happened(name, kiosk.id);
  };
}

/** A queue of people: more in a moment than the outbox may hold while the gateway cannot be reached. */
const rush: Fault = (world, draw, kiosk) => {
  const line = world.network.line(kiosk.id);
  line.mode = 'refused';
  for (const connection of world.network.connectionsOf(kiosk.id)) connection.reset();
  const from = draw.between(100, 800_000);
  const people = draw.between(10, 30);
  for (let number = 0; number < people; number++) world.after(number * 120, () => kiosk.scan(from + number));
  world.after(people * 120 + draw.between(0, 10_000), () => {
    line.mode = 'open';
  });
};

/** The disk has hardly any room left, as the outbox sees it. */
const noSpace: Fault = (world, draw, kiosk) => {
  kiosk.freeBytes = draw.between(0, 80) * 1024 ** 2;
  for (let scan = 1; scan <= 3; scan++) world.after(scan * 700, () => kiosk.scan(draw.between(0, 40)));
  world.after(draw.between(2_000, 20_000), () => kiosk.heal());
};

const dribble: Fault = (world, draw, kiosk) => {
  const { card, subject } = person(draw.between(0, 40));
  const bytes = Buffer.from(`\u0002]Q1${card}\u0003`);
  world.ledger.presented(kiosk.id, subject);
  world.ledger.unreadableScans += 2;
  world.happened('scanner-slow', kiosk.id);
  let atMs = 0;
  for (let from = 0; from < bytes.byteLength; ) {
    const to = Math.min(bytes.byteLength, from + draw.between(1, 30));
    const piece = bytes.subarray(from, to);
    world.after(atMs, () => kiosk.scanBytes(piece));
    world.ledger.unreadableScans++; // a silence of 80 ms makes a frame of each
    atMs += draw.between(0, 90);
    from = to;
  }
};

/** Every fault by the name under which it is counted when it takes effect, which may be later, or never. */
export const faults: Readonly<Record<string, Fault>> = {
  'link-cut': cutLine,
  'link-half-open-up': halfOpen('link-half-open-up', ['up']),
  'link-half-open-down': halfOpen('link-half-open-down', ['down']),
  'link-half-open-both': halfOpen('link-half-open-both', ['up', 'down']),
  'link-refused': blocked('link-refused', 'refused'),
  'link-silent': blocked('link-silent', 'silent'),
  'link-slow': slowLine,
  'puback-lost': losePuback,
  'gateway-crash': (world, _draw) => {
    if (world.gateway.isServing) world.happened('gateway-crash', 'gateway');
    world.gateway.crash('reset');
  },
  'gateway-power-cut': (world) => {
    if (world.gateway.isServing) world.happened('gateway-power-cut', 'gateway');
    world.gateway.crash('silent');
  },
  'gateway-crash-before': gatewayCommit('crash-before'),
  'gateway-crash-after': gatewayCommit('crash-after'),
  'gateway-crash-torn': gatewayCommit('crash-torn'),
  'gateway-stop': stopGateway,
  'kiosk-crash': (world, _draw, kiosk) => {
    if (kiosk.outbox !== null) world.happened('kiosk-crash', kiosk.id);
    kiosk.crash('reset');
  },
  'kiosk-power-cut': (world, _draw, kiosk) => {
    if (kiosk.outbox !== null) world.happened('kiosk-power-cut', kiosk.id);
    kiosk.crash('silent');
  },
  'kiosk-crash-before': kioskCommit('crash-before'),
  'kiosk-crash-after': kioskCommit('crash-after'),
  'kiosk-crash-torn': kioskCommit('crash-torn'),
  'kiosk-stop': stopKiosk,
  'kiosk-reboots-offline': rebootOffline,
  'store-full': gatewayCommit('full'),
  'store-io': gatewayCommit('io'),
  'store-busy': gatewayCommit('busy'),
  'store-kept': gatewayCommit('kept'),
  'store-slow': (world, draw) => {
    world.gateway.commitMs = draw.between(50, 12_000);
    world.after(draw.between(5_000, 40_000), () => {
      world.gateway.commitMs = 0;
    });
  },
  'store-read-error': ({ gateway }, draw) => {
    gateway.failingReads += draw.between(1, 4);
  },
  'outbox-full': kioskCommit('full'),
  'outbox-io': kioskCommit('io'),
  'outbox-busy': kioskCommit('busy'),
  'outbox-kept': (_world, draw, kiosk) => {
    kiosk.disk.arm('kept', draw.between(0, 3), 1);
    // Only the next process finds what was kept.
    kiosk.disk.arm('crash-before', 0, 1);
  },
  'outbox-no-room': rush,
  'outbox-no-space': noSpace,
  'site-key-rotated': rotateSiteKey,
  'keys-changed': changeKeys,
  'kiosk-revoked': revokeKiosk,
  'card-revoked': revokeCards,
  'cards-revoked-many': revokeMany,
  'people-barred': barPeople,
  'register-replaced': replaceRegister,
  'clock-jump-forward': jump('clock-jump-forward', 1),
  'clock-jump-back': jump('clock-jump-back', -1),
  'scanner-unplugged': unplugMidFrame,
  'scanner-noise': noise,
  'scanner-slow': dribble,
  'scan-duplicate': repeated('scan-duplicate', 300, 5),
  'scan-continuous': repeated('scan-continuous', 1_000, 20),
  ...Object.fromEntries(upstreamMoods.map((mood) => [`upstream-${mood}`, upstreamMood(mood)])),
};

/** All of them, for whoever demands that each took effect. */
export const faultNames: readonly string[] = [...Object.keys(faults), 'clock-lost'];
