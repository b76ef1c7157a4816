/** Grey pictures: one byte a pixel, 0 black, 255 white, rows from the top. */
import sharp from 'sharp';

/** sharp works on one thread: the machine has other work, and a run must not depend on how many cores there are. */
sharp.concurrency(1);

export interface Grey {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8ClampedArray;
}

/** A picture of one tone. */
export function plain(width: number, height: number, tone: number): Grey {
  return { width, height, data: new Uint8ClampedArray(width * height).fill(tone) };
}

/** A rectangle of a picture; what lies outside the picture has the tone given. */
export function crop(picture: Grey, left: number, top: number, width: number, height: number, outside: number): Grey {
  const part = plain(width, height, outside);
  const from = Math.max(0, -left);
  const to = Math.min(width, picture.width - left);
  for (let y = Math.max(0, -top); y < Math.min(height, picture.height - top); y++) {
    const row = (top + y) * picture.width + left;
    part.data.set(picture.data.subarray(row + from, row + to), y * width + from);
  }
  return part;
}

/** Gaussian blur. @param sigma Standard deviation in pixels; below 0.3 nothing happens. */
export async function blur(picture: Grey, sigma: number): Promise<Grey> {
  if (sigma < 0.3) return picture;
  const { width, height } = picture;
  const data = await raw(picture).blur({ sigma }).extractChannel(0).raw().toBuffer();
  return { width, height, data: new Uint8ClampedArray(data.buffer, data.byteOffset, data.length) };
}

/** The mean along a straight line through every pixel: a hand that moved while the shutter was open. */
export function smear({ width, height, data }: Grey, lengthPx: number, angle: number): Grey {
  const smeared = plain(width, height, 0);
  const steps = smearSteps(lengthPx, angle);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      let sum = 0;
      for (const { dx, dy, share } of steps) {
        const fromX = Math.min(width - 1, Math.max(0, x + dx));
        const fromY = Math.min(height - 1, Math.max(0, y + dy));
        sum += (data[fromY * width + fromX] ?? 0) * share;
      }
      smeared.data[y * width + x] = sum;
    }
  }
  return smeared;
}

/** The pixels about one that a line through it touches, and the share of the line in each. */
function smearSteps(lengthPx: number, angle: number): readonly { dx: number; dy: number; share: number }[] {
  const points = Math.max(1, Math.ceil(lengthPx * 4));
  const steps = new Map<string, { dx: number; dy: number; share: number }>();
  for (let point = 0; point < points; point++) {
    const along = ((point + 0.5) / points - 0.5) * lengthPx;
    const x = along * Math.cos(angle);
    const y = along * Math.sin(angle);
    for (const dx of [Math.floor(x), Math.floor(x) + 1]) {
      for (const dy of [Math.floor(y), Math.floor(y) + 1]) {
        const share = ((1 - Math.abs(x - dx)) * (1 - Math.abs(y - dy))) / points;
        const step = steps.get(`${dx} ${dy}`) ?? { dx, dy, share: 0 };
        step.share += share;
        steps.set(`${dx} ${dy}`, step);
      }
    }
  }
  return [...steps.values()].filter(({ share }) => share > 0.001);
}

/** The tone between pixels, by straight lines; outside the picture the tone given. Pixel centres have whole numbers. */
export function toneAt({ width, height, data }: Grey, x: number, y: number, outside: number): number {
  const left = Math.floor(x);
  const top = Math.floor(y);
  if (left < 0 || top < 0 || left >= width - 1 || top >= height - 1) return outside;
  const right = x - left;
  const down = y - top;
  const at = top * width + left;
  const above = (data[at] ?? 0) * (1 - right) + (data[at + 1] ?? 0) * right;
  const below = (data[at + width] ?? 0) * (1 - right) + (data[at + width + 1] ?? 0) * right;
  return above * (1 - down) + below * down;
}

/** A netpbm file (P5), which both decoders read; several of them back to back are one file of several pictures. */
export function toPgm({ width, height, data }: Grey): Buffer {
  return Buffer.concat([
    Buffer.from(`P5\n${width} ${height}\n255\n`, 'latin1'),
    new Uint8Array(data.buffer, data.byteOffset, data.length),
  ]);
}

/** Reads a grey PNG file. */
export async function readPng(file: Buffer): Promise<Grey> {
  const { data, info } = await sharp(file).extractChannel(0).raw().toBuffer({ resolveWithObject: true });
  return {
    width: info.width,
    height: info.height,
    data: new Uint8ClampedArray(data.buffer, data.byteOffset, data.length),
  };
}

/** Lays pictures of one size out in rows of `columns`, made smaller by `shrink`, as a PNG for people to look at. */
export async function contactSheet(pictures: readonly Grey[], columns: number, shrink: number): Promise<Buffer> {
  const width = Math.round((pictures[0]?.width ?? 1) / shrink);
  const height = Math.round((pictures[0]?.height ?? 1) / shrink);
  const gap = 4;
  const tiles = pictures.map(async (picture, index) => ({
    input: await raw(picture).resize(width, height).png().toBuffer(),
    left: (index % columns) * (width + gap),
    top: Math.floor(index / columns) * (height + gap),
  }));
  const rows = Math.ceil(pictures.length / columns);
  const size = { width: columns * (width + gap), height: rows * (height + gap), channels: 3 as const };
  return sharp({ create: { ...size, background: '#3060a0' } })
    .composite(await Promise.all(tiles))
    .png()
    .toBuffer();
}

function raw({ width, height, data }: Grey) {
  return sharp(data, { raw: { width, height, channels: 1 } });
}
