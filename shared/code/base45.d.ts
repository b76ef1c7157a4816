/** base45 3.0 (RFC 9285); the package has no types. */
declare module 'base45' {
  /** Three characters for two bytes, two for a last single one. */
  export function encode(bytes: Uint8Array): string;
  /** Takes whatever it is given, also what no encoder writes: encode the outcome again to see whether it was sound. */
  export function decode(text: string): Buffer;
}
