/**
 * A disk as a power cut sees it: what was synced is there, and of what was not, any part may be. Strict: a name lasts
 * only when its folder was synced, however often the file itself was; data lasts only when its file was.
 */
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import type { Step } from './write-log.ts';

/** A folder's contents: relative path → bytes, or null for a folder. */
export type Image = ReadonlyMap<string, Buffer | null>;

/** A folder as it was before a program worked in it; all of it is taken as synced. */
export interface DiskStart {
  readonly root: string;
  readonly image: Image;
  /** By relative path; '' is the folder itself. */
  readonly inodes: ReadonlyMap<string, bigint>;
}

/** Looks at a folder. It must be named without links, as the log does. */
export function captureStart(root: string): DiskStart {
  const image = readImage(root);
  const inodeOf = (path: string) => statSync(join(root, path), { bigint: true }).ino;
  return { root, image, inodes: new Map(['', ...image.keys()].map((path) => [path, inodeOf(path)])) };
}

/** What a power cut does to each thing that was not synced. `step` is the place of its step in the log. */
export interface Cut {
  /** Whether a change of names (making, renaming, removing) has reached the disk. */
  keepsName(step: number): boolean;
  /** Whether a change of a file's size has. */
  keepsSize(step: number): boolean;
  /** The pieces of a write that have; what is false at `piece` keeps its old bytes, what is a buffer has these. */
  readonly pieceBytes: number;
  keepsPiece(step: number, piece: number, pieces: number, bytes: number): boolean | Buffer;
  /** What stands behind the end of a file that was being written. */
  tail(): Buffer;
  /** What is left of SQLite's shared memory, which is never synced; null when nothing is. */
  sharedMemory(): Buffer | null;
}

type Change =
  | { readonly step: number; readonly offset: number; readonly data: Buffer }
  | { readonly step: number; readonly size: number };

interface FileNode {
  readonly kind: 'file';
  readonly synced: Content;
  readonly pending: Change[];
}

interface FolderNode {
  readonly kind: 'folder';
  readonly live: Map<string, Node>;
  readonly synced: Map<string, Node>;
}

type Node = FileNode | FolderNode;

/** One name that comes to stand for something, or (null) for nothing. */
interface Naming {
  readonly folder: FolderNode;
  readonly name: string;
  readonly node: Node | null;
}

/** Bytes that grow. */
class Content {
  #bytes = Buffer.alloc(0);
  #size = 0;

  static copyOf(other: Content): Content {
    const copy = new Content();
    copy.#bytes = Buffer.from(other.bytes());
    copy.#size = other.#size;
    return copy;
  }

  get size(): number {
    return this.#size;
  }

  bytes(): Buffer {
    return this.#bytes.subarray(0, this.#size);
  }

  write(offset: number, data: Buffer): void {
    if (data.length === 0) return;
    this.resize(Math.max(this.#size, offset + data.length));
    data.copy(this.#bytes, offset);
  }

  resize(size: number): void {
    if (size > this.#bytes.length) {
      const larger = Buffer.alloc(Math.max(size, 2 * this.#bytes.length));
      this.bytes().copy(larger);
      this.#bytes = larger;
    }
    if (size < this.#size) this.#bytes.fill(0, size, this.#size);
    this.#size = size;
  }
}

/** A disk that is led through a program's steps, and can at any of them tell what a power cut would leave. */
export class Disk {
  readonly #rootPath: string;
  readonly #root: FolderNode = makeFolderNode();
  readonly #byInode = new Map<bigint, Node>();
  /** Changes of names that no sync has made durable yet, in order. */
  #pendingNames: { readonly step: number; readonly namings: readonly Naming[] }[] = [];
  #steps = 0;

  constructor({ root, image, inodes }: DiskStart) {
    this.#rootPath = root;
    const identify = (path: string, node: Node) => this.#byInode.set(inodes.get(path) ?? 0n, node);
    identify('', this.#root);
    // Parents come before what they hold.
    for (const [path, bytes] of [...image].sort(([one], [other]) => (one < other ? -1 : 1))) {
      const node: Node = bytes === null ? makeFolderNode() : makeFileNode();
      if (node.kind === 'file' && bytes !== null) node.synced.write(0, bytes);
      const { folder, name } = this.#find(join(root, path));
      folder.live.set(name, node);
      folder.synced.set(name, node);
      identify(path, node);
    }
  }

  /** Places in the log of everything that is not synced. */
  pendingSteps(): number[] {
    const steps = [...new Set(this.#byInode.values())].flatMap((node) =>
      node.kind === 'file' ? node.pending.map(({ step }) => step) : [],
    );
    return [...steps, ...this.#pendingNames.map(({ step }) => step)].sort((one, other) => one - other);
  }

  take(step: Step): void {
    const place = this.#steps++;
    switch (step.type) {
      case 'make-file':
      case 'make-folder': {
        const node: Node = step.type === 'make-folder' ? makeFolderNode() : makeFileNode();
        this.#byInode.set(step.inode, node);
        this.#rename(place, [{ ...this.#find(step.path), node }]);
        return;
      }
      case 'write':
        this.#file(step).pending.push({ step: place, offset: step.offset, data: step.data });
        return;
      case 'resize':
        this.#file(step).pending.push({ step: place, size: step.size });
        return;
      case 'sync':
        this.#sync(this.#byInode.get(step.inode));
        return;
      case 'remove':
        this.#rename(place, [{ ...this.#find(step.path), node: null }]);
        return;
      case 'rename': {
        const from = this.#find(step.from);
        const node = from.folder.live.get(from.name);
        assert(node !== undefined, `${step.from} was renamed and never made`);
        this.#rename(place, [
          { ...from, node: null },
          { ...this.#find(step.to), node },
        ]);
        return;
      }
      case 'mark':
        return;
    }
  }

  /** What is left when the power is cut now. */
  after(cut: Cut): Image {
    const names = new Map<FolderNode, Map<string, Node>>();
    const namesOf = (folder: FolderNode) => {
      const known = names.get(folder) ?? new Map(folder.synced);
      names.set(folder, known);
      return known;
    };
    for (const { step, namings } of this.#pendingNames) {
      if (cut.keepsName(step)) for (const { folder, name, node } of namings) setName(namesOf(folder), name, node);
    }
    const image = new Map<string, Buffer | null>();
    const walk = (folder: FolderNode, path: string) => {
      for (const [name, node] of namesOf(folder)) {
        const at = join(path, name);
        const bytes = node.kind === 'folder' ? null : name.endsWith('-shm') ? cut.sharedMemory() : contentOf(node, cut);
        if (node.kind === 'folder' || bytes !== null) image.set(at, bytes);
        if (node.kind === 'folder') walk(node, at);
      }
    };
    walk(this.#root, '');
    return image;
  }

  #file(step: { readonly path: string; readonly inode: bigint }): FileNode {
    const node = this.#byInode.get(step.inode);
    assert(node?.kind === 'file', `${step.path} was written and never made`);
    return node;
  }

  #find(path: string): { folder: FolderNode; name: string } {
    const parts = relative(this.#rootPath, path).split('/');
    const name = parts.pop() ?? '';
    let folder = this.#root;
    for (const part of parts) {
      const next = folder.live.get(part);
      assert(next?.kind === 'folder', `${path} lies in a folder that was never made`);
      folder = next;
    }
    return { folder, name };
  }

  #rename(step: number, namings: readonly Naming[]): void {
    for (const { folder, name, node } of namings) setName(folder.live, name, node);
    this.#pendingNames.push({ step, namings });
  }

  #sync(node: Node | undefined): void {
    assert(node !== undefined, 'something was synced and never made');
    if (node.kind === 'file') {
      for (const change of node.pending.splice(0)) apply(node.synced, change);
      return;
    }
    // A change of two folders lasts as a whole, and so does what came before it in either.
    const folders = new Set([node]);
    const lasting = new Set<unknown>();
    for (const change of this.#pendingNames.toReversed()) {
      if (!change.namings.some(({ folder }) => folders.has(folder))) continue;
      for (const { folder } of change.namings) folders.add(folder);
      lasting.add(change);
    }
    for (const change of this.#pendingNames) {
      if (!lasting.has(change)) continue;
      for (const { folder, name, node: named } of change.namings) setName(folder.synced, name, named);
    }
    this.#pendingNames = this.#pendingNames.filter((change) => !lasting.has(change));
  }
}

/** Puts an image into an empty folder, made anew. */
export function writeImage(image: Image, dir: string): void {
  rmSync(dir, { recursive: true, force: true });
  mkdirSync(dir, { recursive: true });
  for (const [path, bytes] of image) {
    if (bytes === null) mkdirSync(join(dir, path), { recursive: true, mode: 0o700 });
    else {
      mkdirSync(dirname(join(dir, path)), { recursive: true });
      writeFileSync(join(dir, path), bytes, { mode: 0o600 });
    }
  }
}

/** What a folder holds. */
export function readImage(dir: string): Image {
  const image = new Map<string, Buffer | null>();
  for (const found of readdirSync(dir, { recursive: true, withFileTypes: true })) {
    const path = join(found.parentPath, found.name);
    image.set(relative(dir, path), found.isDirectory() ? null : readFileSync(path));
  }
  return image;
}

function makeFolderNode(): FolderNode {
  return { kind: 'folder', live: new Map(), synced: new Map() };
}

function makeFileNode(): FileNode {
  return { kind: 'file', synced: new Content(), pending: [] };
}

function setName(names: Map<string, Node>, name: string, node: Node | null): void {
  if (node === null) names.delete(name);
  else names.set(name, node);
}

function apply(content: Content, change: Change): void {
  if ('size' in change) content.resize(change.size);
  else content.write(change.offset, change.data);
}

function contentOf(node: FileNode, cut: Cut): Buffer {
  if (node.pending.length === 0) return Buffer.from(node.synced.bytes());
  const content = Content.copyOf(node.synced);
  for (const change of node.pending) {
    if (!('size' in change)) writePieces(content, change, cut);
    else if (cut.keepsSize(change.step)) content.resize(change.size);
  }
  return Buffer.concat([content.bytes(), cut.tail()]);
}

/** Pieces end where the disk's own sectors do, so that one that is lost takes nothing of its neighbours with it. */
function writePieces(content: Content, change: Extract<Change, { data: Buffer }>, cut: Cut): void {
  const { step, offset, data } = change;
  const first = Math.floor(offset / cut.pieceBytes);
  const pieces = Math.ceil((offset + data.length) / cut.pieceBytes) - first;
  for (let piece = 0; piece < pieces; piece++) {
    const from = Math.max(offset, (first + piece) * cut.pieceBytes);
    const to = Math.min(offset + data.length, (first + piece + 1) * cut.pieceBytes);
    const kept = cut.keepsPiece(step, piece, pieces, to - from);
    if (kept !== false) content.write(from, kept === true ? data.subarray(from - offset, to - offset) : kept);
  }
}
