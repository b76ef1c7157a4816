/** Under which addresses a kiosk may find this gateway. */
import { isIPv4 } from 'node:net';
import { hostname as machineName, type NetworkInterfaceInfo, networkInterfaces } from 'node:os';
import { type Address, addressesMax } from '../../shared/invitation.ts';

/** Interfaces that lead to no kiosk: containers, virtual machines, bridges. */
const inner = /^(?:br-|cni|docker|lo|lxc|tap|tun|veth|virbr|vmnet)/;

/** What a machine has; see `os.networkInterfaces()` and `os.hostname()`. */
export interface Interfaces {
  readonly hostname: string;
  readonly interfaces: Readonly<
    Record<string, readonly Pick<NetworkInterfaceInfo, 'address' | 'internal'>[] | undefined>
  >;
}

/** This machine as it is now. */
export function thisMachine(): Interfaces {
  return { hostname: machineName(), interfaces: networkInterfaces() };
}

/**
 * The addresses for an invitation, the likeliest first: the one listened on, or those of all interfaces and the name that
 * the network may know this machine by.
 */
export function gatewayAddresses(listenHost: string, port: number, machine: Interfaces): readonly Address[] {
  if (listenHost !== '0.0.0.0' && listenHost !== '::') return [{ host: listenHost, port }];
  const addresses = Object.entries(machine.interfaces)
    .filter(([name]) => !inner.test(name))
    .flatMap(([, found = []]) => found)
    .filter(({ address, internal }) => !internal && isIPv4(address))
    .map(({ address }) => address);
  const [label = ''] = machine.hostname.split('.');
  const name = /^[a-z\d](?:[a-z\d-]*[a-z\d])?$/i.test(label) ? [`${label.toLowerCase()}.local`] : [];
  return [...addresses.slice(0, addressesMax - 1), ...name].map((host) => ({ host, port }));
}

/** Whether only this machine itself finds such an address. */
export function isLoopback({ host }: Address): boolean {
  return host === 'localhost' || host === '::1' || /^127\./.test(host);
}
