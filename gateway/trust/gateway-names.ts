/** Which names and addresses a gateway's certificate must carry. */
import type { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { hostname, networkInterfaces } from 'node:os';
import { gatewayServerName } from '../../shared/gateway-name.ts';

/** What a machine says of itself; see `os.hostname()` and `os.networkInterfaces()`. */
export interface Machine {
  readonly hostname: string;
  /** IP addresses of its interfaces. */
  readonly addresses: readonly string[];
}

/** What this machine says of itself now. */
export function thisMachine(): Machine {
  const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  return { hostname: hostname(), addresses: addresses.map(({ address }) => address) };
}

/** A certificate carries at most this many addresses of interfaces (a machine with containers may have hundreds). */
export const interfaceAddressesMax = 32;

const dnsName = /^[a-z0-9_-]+(\.[a-z0-9_-]+)*$/i;

/**
 * The names for the certificate, in a fixed order, without repeats. Link-local IPv6 addresses are left out (they need
 * a zone to be connected to), and so is a listen host that means "all interfaces".
 */
export function gatewayNames(listenHost: string, machine: Machine): readonly string[] {
  const [firstLabel = ''] = machine.hostname.split('.');
  const names = [gatewayServerName, 'localhost', machine.hostname, `${firstLabel}.local`, listenHost];
  const addresses = machine.addresses.filter((address) => !/^fe[89ab]/i.test(address)).slice(0, interfaceAddressesMax);
  const wanted = [...names, '127.0.0.1', '::1', ...addresses].map((name) => name.toLowerCase());
  return [...new Set(wanted)].filter((name) => {
    if (isIP(name) !== 0) return !name.includes('%') && name !== '0.0.0.0' && name !== '::';
    return dnsName.test(name);
  });
}

/** The first of `names` that a certificate does not carry, or null. */
export function missingName(certificate: X509Certificate, names: readonly string[]): string | null {
  const carries = (name: string) =>
    isIP(name) === 0 ? certificate.checkHost(name, { subject: 'never' }) : certificate.checkIP(name);
  return names.find((name) => carries(name) === undefined) ?? null;
}
