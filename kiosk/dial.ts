import { X509Certificate } from 'node:crypto';
import { connect, createSecureContext, type TLSSocket } from 'node:tls';
import { Fault } from '../shared/fault.ts';
import { gatewayServerName } from '../shared/gateway-name.ts';

/** Where the gateway is, and how each knows the other. */
export interface TlsTarget {
  readonly host: string;
  readonly port: number;
  /** The site's certificate authority, the kiosk's certificate and its private key. */
  readonly caPem: string;
  readonly certPem: string;
  readonly keyPem: string;
}

/**
 * Prepares to connect to the gateway by mutual TLS 1.3; each call of the result opens a socket. The gateway is known by
 * the site's authority and one fixed name, so it may have any address. Throws the Fault CREDENTIALS_INVALID where the
 * PEM texts are none or do not belong together. Errors of the network come as `error` events; the caller sets the time-out.
 */
export function dialTls({ host, port, caPem, certPem, keyPem }: TlsTarget): () => TLSSocket {
  const secureContext = readCredentials({ ca: caPem, cert: certPem, key: keyPem });
  return () => {
    const socket = connect({ host, port, secureContext, servername: gatewayServerName, rejectUnauthorized: true });
    // An entry is smaller than a segment; waiting for company would cost a round trip each.
    socket.setNoDelay(true);
    return socket;
  };
}

function readCredentials(pem: { ca: string; cert: string; key: string }) {
  try {
    // Node passes over an authority it cannot read, and takes an empty one for all those that browsers trust.
    for (const certificate of [pem.ca, pem.cert]) new X509Certificate(certificate);
    return createSecureContext({ ...pem, minVersion: 'TLSv1.3' });
  } catch (error) {
    throw new Fault('CREDENTIALS_INVALID', 'The certificate, its key or the authority cannot be read.', {
      cause: error,
    });
  }
}
