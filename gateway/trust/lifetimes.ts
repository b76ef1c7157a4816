const dayMs = 86_400_000;

/** How long each kind of certificate is valid, in milliseconds. */
export const authorityValidMs = 20 * 365.25 * dayMs;
export const gatewayValidMs = 180 * dayMs;
/** Twice `renewWithinMs` of `shared/renewal.ts`: a kiosk asks for another when half of it is left. */
export const kioskValidMs = 2 * 365.25 * dayMs;

/** A gateway certificate is renewed when this share of its life, or less, is left. */
export const renewAtShare = 1 / 3;
