/**
 * Looks for a scanner among the USB serial devices. Read from the kernel's own tree (sysfs) and udev's links, not from
 * `udevadm`, which may be missing, and would be another process for every look.
 */
import { readdir, readFile, realpath } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { chooseScanner, type SerialDevice } from './scanner-choice.ts';

/** Where to look; the system's own unless a test says otherwise. */
export interface DeviceTree {
  readonly dev: string;
  readonly sys: string;
}

const systemTree: DeviceTree = { dev: '/dev', sys: '/sys' };

/** At most so many serial devices are looked at. */
const devicesMax = 64;

/** From a tty up to its USB device there are at most so many folders: port, interface, device. */
const levelsMax = 5;

/**
 * The path of a scanner that is plugged in, or null.
 * @param except paths of serial ports that belong to something else, of any form that leads there.
 */
export async function findScanner(except: readonly string[], tree: DeviceTree = systemTree): Promise<string | null> {
  const excepted = await Promise.all(except.map(async (path) => [path, await resolve(path)]));
  return chooseScanner(await listSerialDevices(tree), excepted.flat());
}

async function listSerialDevices({ dev, sys }: DeviceTree): Promise<SerialDevice[]> {
  const links = await readLinks(join(dev, 'serial', 'by-id'));
  const names = (await list(join(sys, 'class', 'tty'))).filter((name) => /^tty(?:ACM|USB)\d+$/.test(name));
  const devices: SerialDevice[] = [];
  for (const name of names.slice(0, devicesMax)) {
    const path = join(dev, name);
    const usb = await readUsb(join(sys, 'class', 'tty', name, 'device'));
    devices.push({ path, byId: links.get(await resolve(path)) ?? null, ...usb });
  }
  return devices;
}

/** The links in a folder by what they lead to. */
async function readLinks(folder: string): Promise<Map<string, string>> {
  const links = new Map<string, string>();
  for (const name of (await list(folder)).slice(0, devicesMax)) {
    const link = join(folder, name);
    links.set(await resolve(link), link);
  }
  return links;
}

/** Goes up from a tty's device to the USB device that it is a part of, and reads who that is. */
async function readUsb(device: string): Promise<Pick<SerialDevice, 'vendorId' | 'description'>> {
  let folder = await resolve(device);
  for (let level = 0; level < levelsMax; level++) {
    const vendorId = await readLine(join(folder, 'idVendor'));
    if (vendorId !== '') {
      const names = [await readLine(join(folder, 'manufacturer')), await readLine(join(folder, 'product'))];
      return { vendorId, description: names.join(' ') };
    }
    folder = dirname(folder);
  }
  return { vendorId: '', description: '' };
}

/** What a folder holds, sorted; nothing where it cannot be read: the device has just gone, or there never was one. */
async function list(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).sort();
  } catch {
    return [];
  }
}

/** What a path leads to, or the path itself where it leads nowhere. */
async function resolve(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch {
    return path;
  }
}

/** The one line of a sysfs file; empty where it cannot be read. */
async function readLine(path: string): Promise<string> {
  try {
    return (await readFile(path, 'utf8')).trim();
  } catch {
    return '';
  }
}
