import { createHash } from 'node:crypto';
import type { IdentitySealer } from '../../shared/identity.ts';

/** Seals nothing, but always in the same way: WebCrypto works on threads, and its order would differ from run to run. */
export function deterministicSealer(keyId: string): IdentitySealer {
  return {
    async seal(identity, boundTo) {
      const digest = createHash('sha256').update(boundTo).update(JSON.stringify(identity)).digest('base64url');
      return { enc: digest, ct: digest.repeat(6), key: keyId };
    },
  };
}
