/** What stands on a printed card, and the sizes of its code. */

/** One card to print. What is null is left open for a pen, or does not apply. */
export interface PrintedCard {
  /** What its code holds. */
  readonly text: string;
  readonly name: string | null;
  readonly birthYear: number | null;
  /** The card's number as people write it; null where the code is a national one, which has none. */
  readonly number: string | null;
  /** The last day, dd/MM/yyyy; null where the code is a national one. */
  readonly expires: string | null;
}

/** Who issues the cards, as it stands on each. */
export interface IssuedBy {
  readonly name: string;
  /** Where to call when a card is lost, for example a telephone number; null: not printed. */
  readonly contact: string | null;
}

/** As long a text as the code of a card holds, to see how much room it leaves for words. */
export const sampleCardText = `RV1:${'0'.repeat(128)}`;

/** How many cards of how many are drawn. */
export type Progress = (done: number, total: number) => void;

/** How wide a code is printed, without its quiet zone: the official least is 50 mm for a person, 150 mm for a site. */
export const codeMm = { card: 50, large: 165, poster: 150 } as const;

/** What to do with a lost card, in Vietnamese. */
export function lostText({ contact }: IssuedBy, { number }: PrintedCard): string {
  const issuer = contact === null ? 'nơi cấp' : `nơi cấp (${contact})`;
  const found = 'Nhặt được thẻ, xin gửi lại nơi cấp.';
  return number === null
    ? `Thẻ in mã cá nhân: giữ như giấy tờ. Mất thẻ: báo ${issuer} để in lại. ${found}`
    : `Mất thẻ: báo ngay ${issuer} để khóa thẻ và nhận thẻ mới. ${found} Mã in không chứa tên, số giấy tờ.`;
}
