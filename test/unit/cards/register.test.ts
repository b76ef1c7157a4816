import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { NewControlCard } from '../../../gateway/cards/control-cards.ts';
import { openCardLists, openRegister, openRegisterReader } from '../../../gateway/cards/register.ts';
import { lockRegister, registerMigrations } from '../../../gateway/cards/register-file.ts';
import type { NewCard, Register } from '../../../gateway/cards/registered-cards.ts';
import { openIssuer, trustIssuer } from '../../../gateway/trust/issuer.ts';
import { cardNumberOf } from '../../../shared/card-number.ts';

let dir: string;
let path: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'ravao-register-'));
  path = join(dir, 'cards.db');
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const sealed = { enc: 'enc', ct: 'ct', key: 'key' };

/** A card whose short number is `number`. */
function makeCard(number: number, changes: Partial<NewCard> = {}): NewCard {
  const id = new Uint8Array(12);
  new DataView(id.buffer).setUint32(0, number);
  const person = new Uint8Array(32).fill(number % 256);
  return { issuer: '0a0b0c0d', id, issuedDay: 2515, expiryDay: 2880, kind: 1, person, sealed, ...changes };
}

/** Opens the register for one piece of work, as a command does. */
function withRegister<T>(work: (register: Register) => T): T {
  using register = openRegister(dir);
  return work(register);
}

function issueNumbers(...numbers: number[]): void {
  withRegister((register) => register.add(numbers.map((number) => makeCard(number))));
}

function revokeNumber(number: number): void {
  withRegister((register) => {
    const card = register.find(number);
    if (card !== null) register.revoke(card, 'lost', 5);
  });
}

describe('the register', () => {
  it('is made for its owner alone, in write-ahead mode, marked as what it is', async () => {
    withRegister(() => {});
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    using database = disposable(new Database(path, { readonly: true }));
    expect(database.pragma('journal_mode', { simple: true })).toBe('wal');
    expect(database.pragma('application_id', { simple: true })).toBe(0x52617602);
    expect(database.pragma('user_version', { simple: true })).toBe(registerMigrations.length);
  });

  it('keeps cards, finds them by number and by person, and lists them in the order they were issued', () => {
    issueNumbers(7, 3);
    issueNumbers(7 + 256);
    withRegister((register) => {
      expect(register.find(3)).toEqual({ ...makeCard(3), number: 3, printed: false, revoked: null });
      expect(register.find(4)).toBeNull();
      expect(register.ofPerson(makeCard(7).person).map(({ number }) => number)).toEqual([263, 7]);
      expect([...register.all()].map(({ number }) => number)).toEqual([7, 3, 263]);
    });
  });

  it('lists more cards than it reads at once', () => {
    const numbers = Array.from({ length: 1201 }, (_, index) => index);
    issueNumbers(...numbers);
    withRegister((register) => expect([...register.all()].map(({ number }) => number)).toEqual(numbers));
  });

  it('registers all of a run or none', () => {
    issueNumbers(1);
    expect(() => issueNumbers(2, 3, 1)).toThrow('UNIQUE');
    withRegister((register) => expect([...register.all()]).toHaveLength(1));
  });

  it('remembers why and when a card was revoked, for ever', () => {
    issueNumbers(1, 2);
    withRegister((register) => {
      const card = register.find(2);
      if (card === null) throw new Error('no card');
      register.revoke(card, 'stolen', 1234);
      expect(register.find(2)?.revoked).toEqual({ atMs: 1234, reason: 'stolen' });
      expect(() => register.revoke(card, 'lost', 5678)).toThrow('UNIQUE');
      expect(register.find(1)?.revoked).toBeNull();
    });
  });

  it('remembers that a card was printed', () => {
    issueNumbers(1, 2);
    withRegister((register) => register.markPrinted([makeCard(2).id], 5));
    withRegister((register) => expect([...register.all()].map(({ printed }) => printed)).toEqual([false, true]));
  });

  it('leaves its log empty, so that a backup of the file alone is whole', async () => {
    using lists = openCardLists(dir);
    issueNumbers(1);
    lists.counts();
    issueNumbers(2);
    expect((await stat(`${path}-wal`)).size).toBe(0);
    await rename(path, `${path}.copy`);
    using copy = disposable(new Database(`${path}.copy`, { readonly: true }));
    expect(copy.prepare('SELECT count(*) FROM cards').pluck().get()).toBe(2);
  });

  it('works for one command at a time', () => {
    withRegister(() => {
      using waiting = disposable(new Database(join(dir, 'cards.lock'), { timeout: 0 }));
      expect(() => waiting.exec('BEGIN EXCLUSIVE')).toThrow('locked');
    });
    using _ = lockRegister(dir);
  });

  it('gives up on a command that takes too long, and changes nothing', () => {
    issueNumbers(1);
    using _ = lockRegister(dir);
    expect(() => openRegister(dir, 10)).toThrow('REGISTER_BUSY');
  });

  it.each<[string, () => Promise<unknown>, string]>([
    ['was emptied', () => truncate(path), 'REGISTER_CORRUPT'],
    ['is no database', () => writeFile(path, 'this is something else, and longer than a header'), 'REGISTER_CORRUPT'],
    ['is another program’s database', () => remakeAs('PRAGMA application_id = 1'), 'REGISTER_CORRUPT'],
    ['has a page of rubbish', () => scribble(4096), 'REGISTER_CORRUPT'],
    ['has a log with a broken commit before others', () => breakLog(), 'REGISTER_CORRUPT'],
    ['is gone while its log is there', () => keepOnlyLog(), 'REGISTER_CORRUPT'],
    ['is newer than this program', () => remakeAs('PRAGMA user_version = 99'), 'REGISTER_SCHEMA_NEWER'],
  ])('is left as it is when it %s', async (_, damage, code) => {
    issueNumbers(1, 2, 3);
    await damage();
    const before = await snapshot();
    expect(() => openRegister(dir)).toThrow(code);
    expect(await snapshot()).toEqual(before);
  });

  it('is not made anew where cards were signed: what was revoked must not be forgotten', async () => {
    await mkdir(join(dir, 'trust'));
    await openIssuer(join(dir, 'trust'), 'A');
    expect(() => openRegister(dir)).toThrow('REGISTER_MISSING');
    expect(() => openRegisterReader(dir)).toThrow('REGISTER_MISSING');
    using lists = openCardLists(dir);
    expect(() => lists.counts()).toThrow('REGISTER_MISSING');
    expect(existsSync(path)).toBe(false);
  });

  it('is not there for who only looks before anything was issued', () => {
    expect(openRegisterReader(dir)).toBeNull();
    expect(existsSync(path)).toBe(false);
  });

  it('says when the disk refuses', async () => {
    const file = join(dir, 'file');
    await writeFile(file, '');
    expect(() => openRegister(join(file, 'data'))).toThrow('REGISTER_WRITE_FAILED');
    await mkdir(join(dir, 'other', 'cards.db'), { recursive: true });
    expect(() => openRegisterReader(join(dir, 'other'))).toThrow('REGISTER_READ_FAILED');
  });

  it('may be looked at while a command writes', () => {
    issueNumbers(1);
    withRegister((register) => {
      using reader = openRegisterReader(dir);
      register.add([makeCard(2)]);
      expect([...(reader?.all() ?? [])].map(({ number }) => number)).toEqual([1, 2]);
    });
  });
});

describe('the lists that kiosks get', () => {
  const ids = (...numbers: number[]) => Buffer.concat(numbers.map((number) => makeCard(number).id));
  const short = (...numbers: number[]) => Uint8Array.from(numbers.flatMap((number) => [0, 0, 0, number]));

  it('are empty before there is a register, and make none', () => {
    using lists = openCardLists(dir);
    expect(lists.counts()).toEqual({ revoked: 0, issued: 0 });
    expect(lists.read('revoked', 0, 10)).toEqual(new Uint8Array());
    expect(lists.issuers()).toEqual([]);
    expect(existsSync(path)).toBe(false);
  });

  it('grow while commands work, in the order in which cards were issued and revoked', () => {
    using lists = openCardLists(dir);
    issueNumbers(5, 4);
    expect(lists.counts()).toEqual({ revoked: 0, issued: 2 });
    issueNumbers(9);
    revokeNumber(9);
    revokeNumber(5);
    expect(lists.counts()).toEqual({ revoked: 2, issued: 3 });
    expect(Buffer.from(lists.read('revoked', 0, 10))).toEqual(ids(9, 5));
    expect(lists.read('issued', 0, 10)).toEqual(short(5, 4, 9));
  });

  it('are read in pieces that fit together', () => {
    using lists = openCardLists(dir);
    issueNumbers(1, 2, 3, 4, 5);
    for (const number of [4, 2, 5]) revokeNumber(number);
    expect(lists.read('issued', 1, 2)).toEqual(short(2, 3));
    expect(lists.read('issued', 3, 100)).toEqual(short(4, 5));
    expect(lists.read('issued', 5, 1)).toEqual(new Uint8Array());
    expect(Buffer.from(lists.read('revoked', 1, 1))).toEqual(ids(2));
    expect(Buffer.from(lists.read('revoked', 2, 9))).toEqual(ids(5));
  });

  it('hold the whole short number', () => {
    using lists = openCardLists(dir);
    issueNumbers(999_999_999);
    const bytes = lists.read('issued', 0, 1);
    expect(new DataView(bytes.buffer).getUint32(0)).toBe(cardNumberOf(makeCard(999_999_999).id));
  });

  it('follow a register that was put back from a backup', async () => {
    using lists = openCardLists(dir);
    issueNumbers(1, 2);
    const backup = await readFile(path);
    issueNumbers(3);
    expect(lists.counts().issued).toBe(3);
    await rm(path);
    await writeFile(`${path}.new`, backup);
    await rename(`${path}.new`, path);
    expect(lists.counts().issued).toBe(2);
  });

  it('fail with a fault while the register is damaged, and go on when it is whole again', async () => {
    using lists = openCardLists(dir);
    issueNumbers(1);
    const whole = await readFile(path);
    await rm(path);
    await writeFile(path, 'hello, this is no database at all');
    expect(() => lists.counts()).toThrow('REGISTER_CORRUPT');
    await writeFile(path, whole);
    expect(lists.counts()).toEqual({ revoked: 0, issued: 1 });
  });

  it('name the issuers, own first', async () => {
    const trust = join(dir, 'trust');
    await mkdir(trust);
    const { notice } = await openIssuer(trust, 'Nhà máy A');
    const elsewhere = await mkdtemp(join(tmpdir(), 'ravao-elsewhere-'));
    const other = await openIssuer(elsewhere, 'Xã B');
    await trustIssuer(trust, join(elsewhere, 'issuer.json'));
    await rm(elsewhere, { recursive: true });
    using lists = openCardLists(dir);
    // Only its own cards control a gate, and no file of another place can say that it is this one.
    const posing = { ...other.notice, own: true };
    await writeFile(join(trust, 'issuers', `${other.notice.id}.json`), JSON.stringify(posing));
    expect(lists.issuers()).toEqual([{ ...notice, own: true }, other.notice]);
  });
});

describe("guards' cards", () => {
  const makeControl = (number: number, changes: Partial<NewControlCard> = {}): NewControlCard => {
    const { issuer, id, issuedDay, expiryDay } = makeCard(number);
    const guard = new Uint8Array(32).fill(9);
    return { issuer, id, issuedDay, expiryDay, action: 'close', kiosk: null, guard, sealed, ...changes };
  };

  it('are found by number and by guard, and are not among those of people', () => {
    withRegister(({ control }) =>
      control.add([makeControl(7, { kiosk: 'gate-a' }), makeControl(3, { action: 'open' })]),
    );
    withRegister((register) => {
      const { control } = register;
      expect(control.find(7)).toMatchObject({
        number: 7,
        kiosk: 'gate-a',
        action: 'close',
        printed: false,
        revoked: null,
      });
      expect(control.ofGuard(new Uint8Array(32).fill(9)).map(({ number }) => number)).toEqual([3, 7]);
      expect(control.all().map(({ action }) => action)).toEqual(['close', 'open']);
      expect([register.find(7), ...register.all()]).toEqual([null]);
      control.markPrinted([makeControl(3).id], 5);
      expect(control.all().map(({ printed }) => printed)).toEqual([false, true]);
    });
  });

  it('are revoked in one list with those of people, and are never among the numbers that may be typed', () => {
    issueNumbers(1, 2);
    withRegister(({ control }) => control.add([makeControl(7)]));
    using lists = openCardLists(dir);
    revokeNumber(2);
    withRegister(({ control }) => control.all().forEach((card) => void control.revoke(card, 'lost', 6)));
    revokeNumber(1);
    expect(lists.counts()).toEqual({ revoked: 3, issued: 2 });
    const revoked = Buffer.concat([makeCard(2).id, makeControl(7).id, makeCard(1).id]);
    expect(Buffer.from(lists.read('revoked', 0, 10))).toEqual(revoked);
    expect(Buffer.from(lists.read('revoked', 1, 1))).toEqual(Buffer.from(makeControl(7).id));
    withRegister(({ control }) => expect(control.find(7)?.revoked).toEqual({ atMs: 6, reason: 'lost' }));
  });

  it('may be asked for, and none are there, in a register of before that a gateway serves from', () => {
    const database = new Database(path);
    database.pragma('application_id = 0x52617602');
    database.exec(registerMigrations[0] ?? '');
    database.exec(
      `INSERT INTO cards VALUES (1, zeroblob(12), 0, '0a0b0c0d', 1, 2, 1, zeroblob(32), 'e', 'c', 'k', NULL)`,
    );
    database.exec(`INSERT INTO revocations VALUES (0, 1, 5, 'lost')`);
    database.pragma('user_version = 1');
    database.pragma('journal_mode = WAL');
    database.close();
    using lists = openCardLists(dir);
    expect(lists.counts()).toEqual({ revoked: 1, issued: 1 });
    expect(lists.read('revoked', 0, 10)).toEqual(new Uint8Array(12));
    {
      using reader = openRegisterReader(dir);
      expect(reader?.control.all()).toEqual([]);
    }
    withRegister(({ control }) => control.add([makeControl(7)]));
    withRegister(({ control }) => control.all().forEach((card) => void control.revoke(card, 'lost', 6)));
    expect(lists.counts()).toEqual({ revoked: 2, issued: 1 });
  });
});

function disposable(database: Database.Database): Database.Database & Disposable {
  return Object.assign(database, { [Symbol.dispose]: () => void database.close() });
}

/** What the files hold. Whoever opens a database in this mode leaves an empty log and its index behind. */
async function snapshot(): Promise<Record<string, string>> {
  const names = (await readdir(dir)).filter((name) => !name.endsWith('-shm')).sort();
  const contents = await Promise.all(names.map((name) => readFile(join(dir, name))));
  return Object.fromEntries(
    names.flatMap((name, index) => {
      const bytes = contents[index] ?? Buffer.alloc(0);
      return bytes.length === 0 ? [] : [[name, createHash('sha256').update(bytes).digest('hex')]];
    }),
  );
}

async function remakeAs(pragma: string): Promise<void> {
  using database = disposable(new Database(path));
  database.exec(pragma);
  database.pragma('wal_checkpoint(TRUNCATE)');
}

async function scribble(offset: number): Promise<void> {
  const bytes = await readFile(path);
  bytes.fill(0x5a, offset, offset + 2000);
  await writeFile(path, bytes);
}

/** As after a crash behind three commits, on a disk that then spoiled the first. */
async function breakLog(): Promise<void> {
  const database = await readFile(path);
  const log = withRegister((register) => {
    for (const number of [11, 12, 13]) register.add([makeCard(number)]);
    return readFileSync(`${path}-wal`);
  });
  log[32 + 24 + 100] = (log[32 + 24 + 100] ?? 0) ^ 1;
  await rm(`${path}-shm`, { force: true });
  await writeFile(path, database);
  await writeFile(`${path}-wal`, log);
}

async function keepOnlyLog(): Promise<void> {
  await rename(path, `${path}.away`);
  await writeFile(`${path}-wal`, Buffer.alloc(5000, 7));
}
