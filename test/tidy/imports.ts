/** Who may import whom: the design's rooms, executed. */
import type { Import, Source, Violation } from './source.ts';

/** For each room, the other rooms that its files may import. */
const siblings: Readonly<Record<string, readonly string[]>> = {
  shared: [],
  hardware: ['shared'],
  kiosk: ['shared'],
  gateway: ['shared'],
  site: ['shared'], // starts the others as processes
  test: ['shared', 'hardware', 'kiosk', 'gateway', 'site'],
};

/** What a single file may import beyond its room's siblings. */
const exceptions: Readonly<Record<string, readonly string[]>> = {
  'kiosk/main.ts': ['hardware'],
};

/** Packages that have one place: the files, or the folders (ending in a slash), that may import them. Tests may import any. */
const placesOfPackages: Readonly<Record<string, readonly string[]>> = {
  '@hpke/core': ['shared/identity.ts'],
  '@peculiar/x509': ['gateway/trust/'],
  '@serialport/stream': ['hardware/'],
  aedes: ['gateway/broker.ts', 'gateway/lean-aedes.ts'],
  base45: ['shared/'],
  'better-sqlite3': [
    'kiosk/outbox-database.ts',
    'kiosk/outbox.ts',
    'gateway/cards/',
    'gateway/process-lock.ts',
    'gateway/store/',
  ],
  'bonjour-service': ['shared/system/mdns.ts'],
  cborg: ['shared/code/cose-sign1.ts', 'shared/invitation.ts'],
  'csv-parse': ['gateway/excel-list.ts'],
  'dejavu-fonts-ttf': ['gateway/cards/', 'gateway/report/'],
  'firmata-io': ['hardware/'],
  'johnny-five': ['hardware/'],
  mqtt: ['kiosk/link.ts'],
  'node-hid': ['hardware/'],
  pdfkit: ['gateway/cards/', 'gateway/report/'],
  pino: ['shared/system/log.ts'],
  'pino-pretty': ['shared/system/log.ts'],
  qr: ['gateway/cards/'],
  'reflect-metadata': ['gateway/trust/'],
  serialport: ['hardware/'],
  uuid: ['gateway/store/', 'kiosk/'],
};

/** Files that decide and do nothing else: they import no built-in module, and at run time only each other and what computes. */
export const pureFiles: readonly string[] = [
  'gateway/backfill/paper-row.ts',
  'gateway/forwarding.ts',
  'gateway/moment.ts',
  'gateway/officer/line-editor.ts',
  'gateway/officer/passphrase.ts',
  'gateway/kiosk-boots.ts',
  'gateway/packet-guard.ts',
  'gateway/report/figures.ts',
  'gateway/report/period.ts',
  'gateway/report/site-kind.ts',
  'gateway/report/words.ts',
  'gateway/time-bounds.ts',
  'gateway/time-correction.ts',
  'gateway/upstream/cloud-events.ts',
  'gateway/upstream/http-answer.ts',
  'gateway/upstream/upstream-url.ts',
  'hardware/board/board-setting.ts',
  'hardware/indicator/signals.ts',
  'hardware/scanner/framer.ts',
  'hardware/scanner/scanner-choice.ts',
  'hardware/scanner/scanner-setting.ts',
  'kiosk/admission.ts',
  'kiosk/control.ts',
  'kiosk/station.ts',
  'kiosk/time-estimate.ts',
  'shared/card-number.ts',
  'shared/card.ts',
  'shared/code/',
  'shared/control-card.ts',
  'shared/control-texts.ts',
  'shared/control-use.ts',
  'shared/drift.ts',
  'shared/entry.ts',
  'shared/fault.ts',
  'shared/faults/',
  'shared/invitation.ts',
  'shared/ports.ts',
  'shared/retry.ts',
  'shared/signal.ts',
  'shared/time.ts',
  'shared/topics.ts',
];

/** Packages that only compute. */
const purePackages = ['base45', 'cborg', 'zod'];

/** Pure files whose arithmetic is Node's own: what they take from it computes, and touches nothing. */
const arithmetic: Readonly<Record<string, readonly string[]>> = {
  'shared/card.ts': ['node:assert', 'node:crypto'],
  'shared/control-card.ts': ['node:assert', 'node:crypto'],
  'shared/code/bounded-inflate.ts': ['node:zlib'],
  'shared/code/signature.ts': ['node:crypto'],
};

/** Whether a path is one of the files, or lies in one of the folders (ending in a slash). */
export function isIn(places: readonly string[], path: string): boolean {
  return places.some((place) => (place.endsWith('/') ? path.startsWith(place) : path === place));
}

/** Imports that cross the walls between the rooms. */
export function checkImports(source: Source): readonly Violation[] {
  const { path } = source;
  return source.imports.flatMap((imported) => {
    const rule = acrossRooms(path, imported) ?? outOfPlace(path, imported) ?? impure(path, imported);
    return rule === null ? [] : [{ path, line: imported.line, rule }];
  });
}

/** Imports of packages that package.json does not name; those for development only may serve tests only. */
export function checkDeclared(
  source: Source,
  dependencies: readonly string[],
  devDependencies: readonly string[],
): readonly Violation[] {
  const isTest = roomOf(source.path) === 'test' || !source.path.includes('/');
  const allowed = new Set(isTest ? [...dependencies, ...devDependencies] : dependencies);
  return source.imports
    .filter(
      ({ kind, target, typeOnly }) =>
        kind === 'package' && !allowed.has(target) && !(typeOnly && devDependencies.includes(target)),
    )
    .map(({ target, line }) => ({
      path: source.path,
      line,
      rule: `imports ${target}, which package.json does not name as a dependency`,
    }));
}

function roomOf(path: string): string {
  return path.split('/')[0] ?? '';
}

function acrossRooms(path: string, { kind, target }: Import): string | null {
  if (kind !== 'file') return null;
  const room = roomOf(path);
  const other = roomOf(target);
  const allowed = [room, 'package.json', ...(siblings[room] ?? []), ...(exceptions[path] ?? [])];
  return !path.includes('/') || allowed.includes(other) ? null : `${path} may not import ${other}/`;
}

function outOfPlace(path: string, { kind, target }: Import): string | null {
  const places = kind === 'package' ? placesOfPackages[target] : undefined;
  if (places === undefined || roomOf(path) === 'test' || isIn(places, path)) return null;
  return `only ${places.join(' and ')} may import ${target}`;
}

function impure(path: string, { kind, target, typeOnly }: Import): string | null {
  if (!isIn(pureFiles, path)) return null;
  if (typeOnly) return null;
  if (kind === 'builtin') return arithmetic[path]?.includes(target) ? null : `a pure file may not import ${target}`;
  const pure = kind === 'package' ? purePackages.includes(target) : isIn(pureFiles, target);
  return pure ? null : `a pure file may not import ${target}, which is not pure`;
}
