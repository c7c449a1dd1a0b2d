// Elevation tiles (terrarium or mapbox encoding) drawn as a shaded relief.
import {boundsToUnit} from './mercator.js';

const DECODE = {
  terrarium: (r, g, b) => r * 256 + g + b / 256 - 32768,
  mapbox: (r, g, b) => (r * 65536 + g * 256 + b) * 0.1 - 10000,
};

export const isElevation = (tilejson) => tilejson.encoding in DECODE;

/** Heights in metres, row by row; NaN where the tile has no data. */
export function decode(pixels, encoding) {
  const toMetres = DECODE[encoding];
  const heights = new Float32Array(pixels.length / 4);
  for (let i = 0, p = 0; i < heights.length; i++, p += 4) {
    heights[i] = pixels[p + 3] === 0 ? NaN :
      toMetres(pixels[p], pixels[p + 1], pixels[p + 2]);
  }
  return heights;
}

/** Ground size of a pixel in metres at a tile's middle row. */
function pixelMetres(z, y, width) {
  const latitude = Math.atan(Math.sinh(Math.PI * (1 - 2 * (y + 0.5) / 2 ** z)));
  return 40075016.7 * Math.cos(latitude) / 2 ** z / width;
}

// Lit from the north-west and 45 degrees up, as printed maps are.
const LIGHT = {x: -0.5, y: -0.5, z: Math.SQRT1_2};

function shade(heights, width, height, metres) {
  const at = (x, y) => heights[
    Math.min(Math.max(y, 0), height - 1) * width +
    Math.min(Math.max(x, 0), width - 1)];
  // Slopes are exaggerated where pixels are coarse, or relief would vanish.
  const scale = Math.max(1, Math.log2(metres) / 5) / metres;
  return (x, y) => {
    const dx = (at(x + 1, y) - at(x - 1, y)) * scale / 2;
    const dy = (at(x, y + 1) - at(x, y - 1)) * scale / 2;
    const length = Math.hypot(dx, dy, 1);
    return (-dx * LIGHT.x - dy * LIGHT.y + LIGHT.z) / length;
  };
}

/** Land from green lowland to pale heights, sea in blues. */
function tint(metres) {
  if (metres < 0) {
    const depth = Math.min(1, -metres / 6000);
    return [150 - 110 * depth, 185 - 105 * depth, 210 - 70 * depth];
  }
  const up = Math.min(1, metres / 3000);
  return [196 + 50 * up, 208 + 28 * up, 178 + 62 * up];
}

function paint(heights, image, lightAt) {
  const {width, height, data} = image;
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      const light = lightAt(x, y);
      const known = Number.isFinite(light);
      const colour = known ? tint(heights[i]) : [0, 0, 0];
      const factor = 0.35 + 0.92 * Math.max(0, light);
      data[i * 4] = colour[0] * factor;
      data[i * 4 + 1] = colour[1] * factor;
      data[i * 4 + 2] = colour[2] * factor;
      data[i * 4 + 3] = known ? 255 : 0;
    }
  }
}

/**
 * Takes out what lies outside the tileset's bounds: tiles are filled up with
 * sea level there, which is not what the ground is.
 */
export function clipToBounds(heights, width, bounds, [z, x, y]) {
  const box = boundsToUnit(bounds);
  const n = 2 ** z;
  const height = heights.length / width;
  for (let row = 0, i = 0; row < height; row++) {
    const v = (y + (row + 0.5) / height) / n;
    for (let column = 0; column < width; column++, i++) {
      const u = (x + (column + 0.5) / width) / n;
      const inside = v >= box.top && v <= box.bottom &&
        ((u >= box.left && u <= box.right) ||
          (u + 1 >= box.left && u + 1 <= box.right));
      heights[i] = inside ? heights[i] : NaN;
    }
  }
}

/**
 * The relief of one tile image.
 * @param info with the tileset's `encoding` and `bounds`
 * @param at the tile: [z, x, y]
 * @returns {HTMLCanvasElement}
 */
export function relief(bitmap, info, at) {
  const canvas = document.createElement('canvas');
  canvas.width = bitmap.width;
  canvas.height = bitmap.height;
  const context = canvas.getContext('2d', {willReadFrequently: true});
  context.drawImage(bitmap, 0, 0);
  const image = context.getImageData(0, 0, canvas.width, canvas.height);
  const heights = decode(image.data, info.encoding);
  clipToBounds(heights, canvas.width, info.bounds, at);
  const metres = pixelMetres(at[0], at[2], canvas.width);
  paint(heights, image, shade(heights, canvas.width, canvas.height, metres));
  context.putImageData(image, 0, 0);
  return canvas;
}
