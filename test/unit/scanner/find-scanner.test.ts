import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findScanner } from '../../../hardware/scanner/find-scanner.ts';

let root: string;
const dev = () => join(root, 'dev');
const tree = () => ({ dev: dev(), sys: join(root, 'sys') });

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'ravao-devices-'));
});

afterEach(() => rm(root, { recursive: true, force: true }));

async function write(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, text);
}

async function link(path: string, target: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await symlink(target, path);
}

/** Lays out a device as the kernel does: a USB device, its interface, and for adapters a port below that. */
async function plugIn(tty: string, vendorId: string, product: string, { deep = false, byId = '' } = {}): Promise<void> {
  const usb = join(root, 'sys', 'devices', 'usb1', `1-${tty}`);
  const device = join(usb, `1-${tty}:1.0`, ...(deep ? [tty] : []));
  await mkdir(device, { recursive: true });
  await write(join(usb, 'idVendor'), `${vendorId}\n`);
  await write(join(usb, 'product'), `${product}\n`);
  await link(join(root, 'sys', 'class', 'tty', tty, 'device'), device);
  await write(join(dev(), tty), '');
  if (byId !== '') await link(join(dev(), 'serial', 'by-id', byId), join('..', '..', tty));
}

describe('looking for a scanner', () => {
  it('finds it by its vendor, among other devices, and names it by its link', async () => {
    await plugIn('ttyACM0', '2341', 'Arduino Uno', { byId: 'usb-Arduino-if00' });
    await plugIn('ttyACM1', '0c2e', '1900', { byId: 'usb-Honeywell_1900-if00' });
    expect(await findScanner([], tree())).toBe(join(dev(), 'serial', 'by-id', 'usb-Honeywell_1900-if00'));
  });

  it('finds it behind an adapter by what that calls itself, without udev', async () => {
    await plugIn('ttyUSB0', '0403', 'Barcode Scanner', { deep: true });
    expect(await findScanner([], tree())).toBe(join(dev(), 'ttyUSB0'));
  });

  it('does not take what belongs to the board, however that is named', async () => {
    await plugIn('ttyACM0', '0c2e', '1900', { byId: 'usb-Honeywell_1900-if00' });
    await link(join(dev(), 'lights'), 'ttyACM0');
    for (const name of ['ttyACM0', 'serial/by-id/usb-Honeywell_1900-if00', 'lights']) {
      expect(await findScanner([join(dev(), name)], tree())).toBeNull();
    }
    expect(await findScanner([join(dev(), 'ttyACM9')], tree())).not.toBeNull();
  });

  it('passes over terminals that are no USB devices', async () => {
    await write(join(root, 'sys', 'class', 'tty', 'tty0', 'dev'), '4:0');
    await write(join(root, 'sys', 'class', 'tty', 'ttyAMA0', 'dev'), '204:64');
    expect(await findScanner([], tree())).toBeNull();
  });

  it('passes over a device that has just gone', async () => {
    await link(join(root, 'sys', 'class', 'tty', 'ttyACM0', 'device'), join(root, 'gone'));
    await link(join(dev(), 'serial', 'by-id', 'usb-Honeywell_1900-if00'), '../../ttyACM0');
    expect(await findScanner([], tree())).toBeNull();
  });

  it('finds nothing where there is no such tree, as in a container', async () => {
    expect(await findScanner(['/dev/ttyUSB0'], tree())).toBeNull();
  });
});
