/**
 * Bugs that the simulation must find. Each breaks the custody rule in one place; were one to slip through 200 seeds, the
 * simulation would be too kind. `mutations.test.ts` plants them one by one in a copy of the programs.
 */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectDir } from '../fakes/processes.ts';

/** One change: `find` stands in the file exactly once. */
interface Edit {
  readonly path: string;
  readonly find: string;
  readonly put: string;
}

export interface Mutation {
  /** What the broken programs do. */
  readonly title: string;
  readonly edits: readonly Edit[];
}

export const mutations: readonly Mutation[] = [
  {
    title: 'the gateway sends the PUBACK before the commit',
    edits: [
      {
        path: 'gateway/broker.ts',
        find: 'if (verdict instanceof Promise) this.#answerLater(verdict, done);',
        put: 'if (verdict instanceof Promise) { verdict.catch(() => {}); done(); }',
      },
    ],
  },
  {
    title: 'the kiosk deletes an entry before its PUBACK',
    edits: [
      {
        path: 'kiosk/link.ts',
        find: 'of this.#window.take(rows, clock.monotonicMs())) {',
        put: 'of this.#window.take(rows, clock.monotonicMs())) { this.#window.acknowledge(seq);',
      },
    ],
  },
  {
    title: 'the gateway takes every arrival for a new entry',
    edits: [
      {
        path: 'gateway/store/migrations.ts',
        find: 'CREATE UNIQUE INDEX entries_by_id',
        put: 'CREATE INDEX entries_by_id',
      },
      {
        path: 'gateway/store/appending.ts',
        find: 'const isFree = !this.#runs.has(stream, seq);',
        put: 'const isFree = true;',
      },
    ],
  },
  {
    title: 'the gateway takes what arrives for the same person within ten seconds for a second copy',
    edits: [
      {
        path: 'gateway/store/appending.ts',
        find: 'const position = this.#position + 1;',
        put: `const position = this.#position + 1;
    const before = this.#arrivals.get(entry.subject ?? entry.id);
    this.#arrivals.set(entry.subject ?? entry.id, receivedMs);
    if (before !== undefined && receivedMs - before < 10_000) return duplicate;`,
      },
      {
        path: 'gateway/store/appending.ts',
        find: 'readonly #streams = new Map<string, number>();',
        put: `readonly #streams = new Map<string, number>();
  readonly #arrivals = new Map<string, number>();`,
      },
    ],
  },
  {
    title: "the forwarder marks entries before the upstream's answer",
    edits: [
      {
        path: 'gateway/forwarder.ts',
        find: 'if (this.#window.length === 0) await this.#idle();',
        put: `const last = this.#window.at(-1);
    if (last === undefined) await this.#idle();
    else await store.markForwarded(upstream.name, last.position, [], this.#parts.clock.nowMs());`,
      },
      // What it marks when the answer has come must still work, or the bug would be too easy to find.
      {
        path: 'gateway/store/appending.ts',
        find: 'assert(position >= before,',
        put: 'assert(position >= 0,',
      },
      {
        path: 'gateway/store/appending.ts',
        find: 'findRejected.get(parseUuid(id), before, position)',
        put: 'findRejected.get(parseUuid(id), 0, position)',
      },
      {
        path: 'gateway/store/appending.ts',
        find: 'setPlace.run(upstream, position);',
        put: 'setPlace.run(upstream, Math.max(before, position));',
      },
    ],
  },
  {
    title: 'the light turns green before the commit',
    edits: [
      {
        path: 'kiosk/kiosk.ts',
        find: 'const seq = this.#record(draft, decision);',
        put: `this.#step({ type: 'recorded', decision, nowMs: clock.monotonicMs() });
    const seq = this.#record(draft, decision);`,
      },
      {
        path: 'kiosk/kiosk.ts',
        find: `if (seq === null) return;
    // First the person, then everything else.
    this.#step({ type: 'recorded', decision, nowMs: clock.monotonicMs() });`,
        put: 'if (seq === null) return;',
      },
    ],
  },
  {
    title: 'the gateway believes whatever a kiosk takes for the time',
    edits: [
      {
        path: 'gateway/time-keeper.ts',
        find: 'if (clock.synced) return around(ms, syncedErrorMs);',
        put: 'if (ms > 0) return around(ms, syncedErrorMs);',
      },
    ],
  },
  {
    title: 'the gateway takes every boot that it has heard of for earlier than one that it has not',
    edits: [
      {
        path: 'gateway/kiosk-boots.ts',
        find: '.filter(({ first }) => first?.epoch === epoch && first.seq < seq)',
        put: '.filter(() => epoch !== null || seq < 0)',
      },
    ],
  },
  {
    title: 'the kiosk takes revocations back when the register is an old one again',
    edits: [
      {
        path: 'kiosk/held-rules.ts',
        find: 'if (!next.table.has(id) && !lost.has(id)) lost.append(id);',
        put: 'void id;',
      },
    ],
  },
  {
    title: 'the kiosk forgets its rules in a restart',
    edits: [
      {
        path: 'kiosk/held-rules.ts',
        find: 'await this.#files.commit({ head, lists });',
        put: 'void lists;',
      },
    ],
  },
];

/** What a copy needs to be simulated. */
const copied = ['.node-version', 'gateway', 'hardware', 'kiosk', 'package.json', 'shared', 'test', 'tsconfig.json'];

/** A copy of the programs and the tests, which goes away when disposed. */
export function copyPrograms(): Disposable & { readonly dir: string } {
  const root = join(projectDir, '.cache', 'mutations');
  mkdirSync(root, { recursive: true });
  const dir = mkdtempSync(join(root, 'copy-'));
  for (const name of copied) cpSync(join(projectDir, name), join(dir, name), { recursive: true });
  symlinkSync(join(projectDir, 'node_modules'), join(dir, 'node_modules'));
  return { dir, [Symbol.dispose]: () => rmSync(dir, { recursive: true, force: true }) };
}

/** Plants a bug in a copy. Throws where the programs have changed so that it no longer fits. */
export function plant({ title, edits }: Mutation, dir: string): void {
  for (const { path, find, put } of edits) {
    const parts = readFileSync(join(dir, path), 'utf8').split(find);
    if (parts.length !== 2) {
      throw new Error(
        `${path} holds ${parts.length - 1} times, not once, what the mutation "${title}" replaces; mend test/sim/mutations.ts:\n${find}`,
      );
    }
    writeFileSync(join(dir, path), parts.join(put));
  }
}
