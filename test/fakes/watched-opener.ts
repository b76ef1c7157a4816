import type { IdentityOpener } from '../../shared/identity.ts';

/** Opens as `real` does, and adds to `tried` what each identity is bound to that it is asked to open. */
export function watchedOpener(real: IdentityOpener, tried: string[]): IdentityOpener {
  return {
    id: real.id,
    open: (sealed, boundTo) => {
      tried.push(boundTo);
      return real.open(sealed, boundTo);
    },
  };
}
