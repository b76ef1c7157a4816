/** Which of the serial devices that are plugged in is a scanner. Pure. */

/** A USB device that shows itself as a serial port. */
export interface SerialDevice {
  /** `/dev/ttyACM0`: a different one after each plugging in, perhaps. */
  readonly path: string;
  /** `/dev/serial/by-id/usb-…`: always the same for the same device; null where udev made none. */
  readonly byId: string | null;
  /** USB vendor id, four lower-case hexadecimal digits; empty where unknown. */
  readonly vendorId: string;
  /** What the device calls itself: manufacturer and product. */
  readonly description: string;
}

/** Vendors of scanners whose serial devices are nothing else (USB ids: Honeywell, Zebra, Datalogic, Newland, Netum). */
const scannerVendors: readonly string[] = ['0c2e', '05e0', '05f9', '1eab', '0488'];

/** Arduino's two. A board for lights must never be taken for a scanner, whatever it calls itself. */
const boardVendors: readonly string[] = ['2341', '2a03'];

/** Names of scanners behind chips that are in anything (FTDI 0403, CH340 1a86, CP210x 10c4, PL2303 067b). */
const scannerNames = /scanner|bar[\s_-]?code|(?<![a-z])scan(?![a-z])|honeywell|metrologic|datalogic|newland|netum/i;
const boardNames = /arduino|firmata/i;

/**
 * The scanner to use, as the path that stays the same where there is one; null where none is certain to be a scanner.
 * Of several a known vendor goes first, then the order of names, so that the choice is the same after every start.
 * @param except paths that belong to something else (the lights' board), as `path` or `byId`.
 */
export function chooseScanner(devices: readonly SerialDevice[], except: readonly string[]): string | null {
  const free = devices.filter(({ path, byId }) => !except.includes(path) && (byId === null || !except.includes(byId)));
  const byName = (a: SerialDevice, b: SerialDevice) => (pathOf(a) < pathOf(b) ? -1 : 1);
  const scanners = free.filter((device) => !isBoard(device)).sort(byName);
  const chosen = scanners.find(hasScannerVendor) ?? scanners.find((device) => scannerNames.test(namesOf(device)));
  return chosen === undefined ? null : pathOf(chosen);
}

function pathOf({ path, byId }: SerialDevice): string {
  return byId ?? path;
}

function namesOf({ byId, description }: SerialDevice): string {
  return `${byId?.split('/').at(-1) ?? ''} ${description}`;
}

function isBoard(device: SerialDevice): boolean {
  return boardVendors.includes(device.vendorId) || boardNames.test(namesOf(device));
}

function hasScannerVendor({ vendorId }: SerialDevice): boolean {
  return scannerVendors.includes(vendorId);
}
