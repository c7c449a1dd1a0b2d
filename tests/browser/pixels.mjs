// Compares pictures as people would: a little noise is the same picture.
import {readFileSync, writeFileSync} from 'node:fs';
import pngjs from 'pngjs';

const {PNG} = pngjs;
export const decode = (buffer) => PNG.sync.read(buffer);

/** Share of pixels whose largest channel difference exceeds `threshold`. */
export function differing(a, b, threshold = 40) {
  if (a.width !== b.width || a.height !== b.height) {
    return 1;
  }
  let count = 0;
  for (let i = 0; i < a.data.length; i += 4) {
    const far = Math.max(Math.abs(a.data[i] - b.data[i]),
      Math.abs(a.data[i + 1] - b.data[i + 1]),
      Math.abs(a.data[i + 2] - b.data[i + 2]));
    count += far > threshold ? 1 : 0;
  }
  return count / (a.data.length / 4);
}

/** Mean absolute difference of all colour channels, 0 to 255. */
export function meanDifference(a, b) {
  let sum = 0;
  for (let i = 0; i < a.data.length; i += 4) {
    for (let c = 0; c < 3; c++) {
      sum += Math.abs(a.data[i + c] - b.data[i + c]);
    }
  }
  return sum / (a.data.length / 4 * 3);
}

/** Number of different colours, counted in steps of 8: 1 for a blank map. */
export function colours(image) {
  const seen = new Set();
  for (let i = 0; i < image.data.length; i += 4) {
    seen.add((image.data[i] >> 3) << 10 | (image.data[i + 1] >> 3) << 5 |
      image.data[i + 2] >> 3);
  }
  return seen.size;
}

/**
 * Compares a screenshot with a kept one. IMBREX_NEW_REFERENCES=1 keeps the new
 * one instead: look at it before it is committed.
 */
export function matchesReference(buffer, file, tolerance) {
  if (process.env.IMBREX_NEW_REFERENCES) {
    writeFileSync(file, buffer);
    return {ok: true, text: 'kept'};
  }
  const [a, b] = [decode(buffer), decode(readFileSync(file))];
  const share = differing(a, b);
  const mean = share === 1 ? 255 : meanDifference(a, b);
  return {
    ok: share <= tolerance.share && mean <= tolerance.mean,
    text: `${(share * 100).toFixed(2)} % of pixels differ, ` +
      `mean ${mean.toFixed(2)} of 255`,
  };
}
