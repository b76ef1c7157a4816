import { describe, expect, it } from 'vitest';
import { gatewayNames, interfaceAddressesMax } from '../../../gateway/trust/gateway-names.ts';

const always = ['ravao-gateway', 'localhost', 'pi', 'pi.local', '127.0.0.1', '::1'];

describe('gatewayNames', () => {
  it.each([
    ['all interfaces', '0.0.0.0', 'pi', [], always],
    ['all interfaces, IPv6', '::', 'pi', [], always],
    ['an address once', '127.0.0.1', 'pi', ['127.0.0.1'], always],
    ['the address it listens on', '10.0.0.1', 'pi', [], [...always, '10.0.0.1']],
    ['the name it listens on', 'Gateway.Site.lan', 'pi', [], [...always, 'gateway.site.lan']],
    [
      'a long host name and its short local form',
      '::',
      'pi.site.lan',
      [],
      ['pi.site.lan', ...always.slice(0, 2), ...always.slice(3)],
    ],
    ['no link-local address', '::', 'pi', ['fe80::1', 'fe80::1%eth0', 'fd00::2'], [...always, 'fd00::2']],
    ['no name that is none', '::', 'cổng', [], ['ravao-gateway', 'localhost', '127.0.0.1', '::1']],
  ])('has %s', (_title, listenHost, hostname, addresses, expected) => {
    expect([...gatewayNames(listenHost, { hostname, addresses })].sort()).toEqual([...expected].sort());
  });

  it('has a limited number of addresses', () => {
    const addresses = Array.from({ length: 500 }, (_, number) => `10.0.${number >> 8}.${number & 255}`);
    const names = gatewayNames('::', { hostname: 'pi', addresses });
    expect(names).toHaveLength(always.length + interfaceAddressesMax);
  });
});
