const dayMs = 86_400_000;

/** How long each kind of certificate is valid, in milliseconds. */
export const authorityValidMs = 20 * 365.25 * dayMs;
export const gatewayValidMs = 180 * dayMs;
export const kioskValidMs = 5 * 365.25 * dayMs;

/** A gateway certificate is renewed when this share of its life, or less, is left. */
export const renewAtShare = 1 / 3;
