/** base45 3.0; the package has no types. It checks nothing: see code/base45.ts. */
declare module 'base45' {
  export function encode(bytes: Uint8Array): string;
  export function decode(text: string): Buffer;
}
