import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { lockTrust } from '../../../gateway/officer/attempts.ts';
import { askAt } from '../../../gateway/officer/passphrase-source.ts';
import {
  changePassphrase,
  exportKeys,
  importKeys,
  type KeepingAccess,
  keepingLock,
  protectKeys,
  readKeyStatus,
} from '../../../gateway/officer/protecting.ts';
import { openIdentities, openSiteKeys, wrappedPath } from '../../../gateway/officer/site-keys.ts';
import { openTrust } from '../../../gateway/trust/authority.ts';
import { createOpener, generateSiteKey, importSiteKey, sealIdentity } from '../../../shared/identity.ts';
import { auditLines } from '../../fakes/audit-lines.ts';
import { bytesBelow } from '../../fakes/files-below.ts';
import { RecordingLog } from '../../fakes/recording-log.ts';
import { scriptedDesk } from '../../fakes/scripted-desk.ts';
import { VirtualClock } from '../../fakes/virtual-clock.ts';

const good = 'quả xoài vàng ngủ trưa';
const better = 'con cá xanh biết bơi ngửa';
const plainBytes = () => readFileSync(plainPath());

let dir: string;
let dataDir: string;
let said: string;
let clock: VirtualClock;
beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'ravao-key-'));
  dataDir = join(dir, 'data');
  said = '';
  clock = new VirtualClock();
  await openTrust(join(dataDir, 'trust'), { site: 'Nhà máy A', clock, log: new RecordingLog() });
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const plainPath = () => join(dataDir, 'trust', 'site.key');
const at = (name: string) => join(dir, name);

/** What a command is given; the person at the terminal types these passphrases. */
function access(typed: readonly string[], changes: Partial<KeepingAccess> = {}): KeepingAccess {
  const desk = scriptedDesk(typed);
  const source = askAt(() => desk.open());
  return {
    ...{ dataDir, keyFile: null, passphrase: source, newPassphrase: source, clock },
    ...{ signal: new AbortController().signal, cost: { n: 16, r: 1, p: 1 } },
    warn: (text) => {
      said += text;
    },
    ...changes,
  };
}

const actions = () => auditLines(dataDir).map(({ action }) => action);

describe('protecting the key', () => {
  it('says, once the passphrase is chosen, that it takes a while', async () => {
    await protectKeys(access([good, 'not the same', good, good]));
    expect(said).toMatch(/^Those two are not the same\.\nWrapping the key, .* takes some seconds, .*\n$/);
    said = '';
    await changePassphrase(access([good, better, better]));
    expect(said).toMatch(/^Wrapping the key, /);
  });

  it('leaves it nowhere on the disk in clear, and the passphrase nowhere at all', async () => {
    const key = plainBytes();
    const before = await createOpener(key);
    expect(await protectKeys(access([good, good]))).toEqual({
      ...{ type: 'protected', path: wrappedPath(dataDir), removed: [plainPath()] },
    });
    expect(existsSync(plainPath())).toBe(false);
    expect(statSync(wrappedPath(dataDir)).mode & 0o777).toBe(0o600);
    expect(bytesBelow(dataDir).includes(key)).toBe(false);
    expect(bytesBelow(dataDir).includes(good)).toBe(false);
    expect(actions()).toEqual(['key.protect', 'key.protected']);
    const opened = await openIdentities('test', access([good]));
    if (typeof opened === 'string') throw new Error(opened);
    const notice = JSON.parse(readFileSync(join(dataDir, 'trust', 'site.json'), 'utf8'));
    const sealed = await sealIdentity(
      await importSiteKey(Buffer.from(notice.key.publicKey, 'base64url')),
      { name: 'Nguyễn Văn A' },
      'x',
    );
    expect(await opened.get(before.id)?.open(sealed, 'x')).toEqual({ name: 'Nguyễn Văn A' });
  });

  it('takes a passphrase that is strong, and twice the same', async () => {
    const given = ['short', good, 'not the same', 'aaaaaaaaaaaaaaa'];
    expect(await protectKeys(access(given))).toEqual({ type: 'unopened', why: 'cancelled' });
    expect(said).toMatch(/5 characters; at least 12.*\nThose two are not the same\.\n.*different characters\.\n$/);
    expect(existsSync(wrappedPath(dataDir))).toBe(false);
    expect(plainBytes()).toHaveLength(32);
    expect(await protectKeys(access([good, good.normalize('NFD')]))).toMatchObject({ type: 'protected' });
  });

  it.each([
    ['with the new file begun', '.site.key.wrapped.x.tmp', 'half'],
    ['with both files there', 'site.key', 'key'],
    ['with the key under the name that it is erased by', '.site.key.erasing', 'key'],
    ['with the key overwritten', '.site.key.erasing', 'zeros'],
  ])('can be cut off %s, and run again', async (_, name, content) => {
    const key = plainBytes();
    if (content !== 'half') await protectKeys(access([good, good]));
    const bytes = { half: Buffer.from('{"v":1,'), key, zeros: Buffer.alloc(32) }[content] ?? key;
    writeFileSync(join(dataDir, 'trust', name), bytes);
    // The gateway starts, and names can be opened, whatever was left.
    await openTrust(join(dataDir, 'trust'), { site: 'Nhà máy A', clock, log: new RecordingLog() });
    using keys = await opened(access([good]));
    expect(keys.secrets.map(({ privateKey }) => Buffer.from(privateKey))).toEqual([key]);
    expect((await readKeyStatus(access([]))).plain).toHaveLength(content === 'zeros' ? 0 : 1);
    await protectKeys(access(content === 'half' ? [good, good] : [good]));
    expect(bytesBelow(dataDir).includes(key)).toBe(false);
    expect(await readKeyStatus(access([]))).toMatchObject({ plain: [], wrapped: [expect.any(String)] });
  });

  it('changes nothing where the passphrase of those wrapped before is wrong', async () => {
    const key = plainBytes();
    await protectKeys(access([good, good]));
    writeFileSync(plainPath(), key);
    expect(await protectKeys(access(['wrong and wrong']))).toEqual({ type: 'unopened', why: 'cancelled' });
    expect(plainBytes()).toEqual(key);
  });

  it('adds a key that was made later to those of before, under the same passphrase', async () => {
    await protectKeys(access([good, good]));
    const later = await generateSiteKey();
    const folder = join(dataDir, 'trust', 'keys', 'site-2');
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'site.key'), later.privateKey);
    // What is in clear and what is wrapped both open meanwhile.
    using both = await opened(access([good]));
    expect(both.secrets).toHaveLength(2);
    expect(await protectKeys(access([good]))).toMatchObject({ removed: [join(folder, 'site.key')] });
    using after = await opened(access([good]));
    expect(after.secrets.map(({ id }) => id).toSorted()).toEqual(both.secrets.map(({ id }) => id).toSorted());
  });

  it('is done by one command at a time, as is all that changes how keys are kept', async () => {
    using _ = lockTrust(dataDir, keepingLock);
    const busy = /^PASSPHRASE_BUSY/;
    await expect(protectKeys(access([good, good]))).rejects.toThrow(busy);
    await expect(changePassphrase(access([good, better, better]))).rejects.toThrow(busy);
    await expect(exportKeys(access([]), at('stick.key'), false)).rejects.toThrow(busy);
    await expect(importKeys(access([]), at('stick.key'))).rejects.toThrow(busy);
    expect(plainBytes()).toHaveLength(32);
  });

  it('says so where there is nothing to do', async () => {
    await protectKeys(access([good, good]));
    expect(await protectKeys(access([]))).toEqual({ type: 'nothing-plain', isWrapped: true });
    rmSync(wrappedPath(dataDir));
    expect(await protectKeys(access([]))).toEqual({ type: 'nothing-plain', isWrapped: false });
    expect(await openSiteKeys('test', access([]))).toBe('elsewhere');
  });
});

async function opened(how: KeepingAccess) {
  const keys = await openSiteKeys('test', how);
  if (typeof keys === 'string') throw new Error(keys);
  return keys;
}

describe('a new passphrase', () => {
  it('takes the place of the old one', async () => {
    await protectKeys(access([good, good]));
    expect(await changePassphrase(access([good, better, better]))).toBeNull();
    using _ = await opened(access([better]));
    const once = access([good]);
    expect(await openSiteKeys('test', { ...once, passphrase: { ...once.passphrase, asksPerson: false } })).toBe(
      'wrong-passphrase',
    );
    expect(said).toContain('Wrong attempts: 1; the next waits 1 s.');
    expect((await readKeyStatus(access([]))).attempts).toMatchObject({ wrong: 1 });
  });

  it('is not taken from who does not know the old one', async () => {
    await protectKeys(access([good, good]));
    const before = readFileSync(wrappedPath(dataDir));
    expect(await changePassphrase(access(['not the old one']))).toBe('cancelled');
    expect(readFileSync(wrappedPath(dataDir))).toEqual(before);
  });
});

describe('a key that leaves the machine', () => {
  it('is on the stick alone, opens from there, and comes back', async () => {
    await protectKeys(access([good, good]));
    const text = readFileSync(wrappedPath(dataDir), 'utf8');
    expect(await exportKeys(access([]), at('stick.key'), false)).toEqual({ type: 'exported', onSameDisk: true });
    expect(existsSync(wrappedPath(dataDir))).toBe(false);
    expect(readFileSync(at('stick.key'), 'utf8')).toBe(text);
    expect(statSync(at('stick.key')).mode & 0o777).toBe(0o600);
    expect(await readKeyStatus(access([]))).toMatchObject({ plain: [], wrapped: null });
    expect(await openSiteKeys('test', access([good]))).toBe('elsewhere');
    using fromStick = await opened(access([good], { keyFile: at('stick.key') }));
    expect(fromStick.secrets).toHaveLength(1);
    expect(await changePassphrase(access([good, better, better], { keyFile: at('stick.key') }))).toBeNull();
    expect(await importKeys(access([]), at('stick.key'))).toBe('imported');
    expect(await importKeys(access([]), at('stick.key'))).toBe('there-before');
    using _ = await opened(access([better]));
    expect(actions().filter((action) => action.startsWith('key.'))).toEqual([
      ...['key.protect', 'key.protected', 'key.export', 'key.exported', 'key.passphrase-changed', 'key.import'],
    ]);
  });

  it('is copied, not taken, where it is to be kept; never over another file', async () => {
    await protectKeys(access([good, good]));
    await exportKeys(access([]), at('copy.key'), true);
    expect(existsSync(wrappedPath(dataDir))).toBe(true);
    await expect(exportKeys(access([]), at('copy.key'), false)).rejects.toThrow(/KEY_FILE_EXISTS/);
    await expect(exportKeys(access([]), at('no/such/copy.key'), false)).rejects.toThrow(/KEY_FILE_UNWRITTEN/);
    expect(existsSync(wrappedPath(dataDir))).toBe(true);
    expect(readdirSync(dir).toSorted()).toEqual(['copy.key', 'data']);
  });

  it('does not leave in clear', async () => {
    expect(await exportKeys(access([]), at('stick.key'), false)).toEqual({ type: 'nothing', plain: true });
    expect(existsSync(at('stick.key'))).toBe(false);
  });

  it('is not another site’s, and takes no other’s place', async () => {
    await protectKeys(access([good, good]));
    await exportKeys(access([]), at('ours.key'), true);
    const other = join(dir, 'other');
    await openTrust(join(other, 'trust'), { site: 'Nhà máy B', clock, log: new RecordingLog() });
    await protectKeys(access([good, good], { dataDir: other }));
    await exportKeys(access([], { dataDir: other }), at('theirs.key'), true);
    await expect(importKeys(access([]), at('theirs.key'))).rejects.toThrow(/KEY_FILE_FOREIGN/);
    // Nobody is told to do what they have just done.
    await expect(importKeys(access([]), at('nowhere.key'))).rejects.toMatchObject({
      ...{ code: 'KEY_FILE_INVALID', message: expect.stringContaining('it is not there') },
      remedy: expect.stringMatching(/^Check the path: it is the file that "site-key export" wrote/),
    });
    await changePassphrase(access([good, better, better]));
    await expect(importKeys(access([]), at('ours.key'))).rejects.toThrow(/KEY_FILE_EXISTS/);
  });
});
