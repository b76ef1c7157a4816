/**
 * The DNS name in every gateway certificate. Kiosks pass it as TLS `servername` whatever address they connect to, so a
 * changed DHCP address or a renamed machine never makes a certificate wrong. It resolves to nothing and need not.
 */
export const gatewayServerName = 'ravao-gateway';
