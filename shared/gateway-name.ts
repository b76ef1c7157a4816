/**
 * The DNS name in every gateway certificate. Kiosks pass it as TLS `servername` whatever address they connect to, so a
 * changed DHCP address or a renamed machine never makes a certificate wrong. It resolves to nothing and need not.
 */
export const gatewayServerName = 'ravao-gateway';

/** By what a gateway's site is told from others on the local network. It proves nothing. @param hash SHA-256 of the authority's certificate, hexadecimal. */
export function siteFingerprint(hash: string): string {
  return hash.slice(0, 16);
}
