import sharp from 'sharp';

/** A WebP of frames, {png, seconds}, which moves if there are several. It loses nothing: text stays sharp. */
export function encode(frames) {
  const images = frames.map(({png}) => png);
  const options = {lossless: true, effort: 6};
  if (images.length === 1) return sharp(images[0]).webp(options).toBuffer();
  return sharp(images, {join: {animated: true}}).webp({...options, loop: 0, delay: frames.map(({seconds}) => seconds * 1_000)}).toBuffer();
}
