/** The kinds of places that had to record who comes and goes (letters of 2021), by the word of RAVAO_SITE_KIND. */
export const siteKinds = {
  office: 'Cơ quan, công sở, văn phòng',
  factory: 'Nhà máy, cơ sở sản xuất',
  lodging: 'Khách sạn, cơ sở lưu trú',
  restaurant: 'Nhà hàng, quán ăn uống',
  bar: 'Quán bar',
  'dance-hall': 'Vũ trường',
  karaoke: 'Karaoke',
  beauty: 'Mát-xa, làm đẹp',
  gym: 'Phòng tập',
  meeting: 'Hội nghị, hội họp',
  hospital: 'Bệnh viện, cơ sở khám chữa bệnh',
  apartment: 'Chung cư',
  school: 'Trường học, cơ sở giáo dục',
  station: 'Nhà ga, bến xe, bến tàu, sân bay',
  'waiting-room': 'Phòng chờ',
  vehicle: 'Phương tiện giao thông công cộng',
  mall: 'Trung tâm thương mại, siêu thị',
  market: 'Chợ, cửa hàng thiết yếu',
  ceremony: 'Đám cưới, đám tang',
  sight: 'Điểm tham quan, vui chơi, giải trí',
  worship: 'Cơ sở tôn giáo, tín ngưỡng',
} as const;

export type SiteKind = keyof typeof siteKinds;

/** The words that RAVAO_SITE_KIND may be. */
export const siteKindNames = Object.keys(siteKinds) as [SiteKind, ...SiteKind[]];
