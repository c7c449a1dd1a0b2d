// The height above the sea at a point of an elevation tileset.
import {decode} from './elevation.js';
import {tileAt} from './grid.js';
import {fetchTile} from './tiles.js';

const EDGE = 20037508.342789244;

/** @returns {Promise<number>} metres; rejects where there is no data */
export async function heightAt(info, source, coordinate, resolution) {
  const tile = tileAt(source, coordinate, resolution);
  const reply = tile && await fetchTile(info, tile.z, tile.x, tile.y);
  if (!reply) {
    throw new Error('no tile here');
  }
  const bitmap = await createImageBitmap(await reply.blob());
  const n = 2 ** tile.z;
  const column = (coordinate[0] + EDGE) / (2 * EDGE) * n - tile.column;
  const row = (EDGE - coordinate[1]) / (2 * EDGE) * n - tile.y;
  const canvas = document.createElement('canvas');
  canvas.width = canvas.height = 1;
  const context = canvas.getContext('2d', {willReadFrequently: true});
  context.drawImage(bitmap, -Math.floor(column * bitmap.width),
    -Math.floor(row * bitmap.height));
  const pixel = context.getImageData(0, 0, 1, 1).data;
  const [metres] = decode(pixel, info.encoding);
  if (!Number.isFinite(metres)) {
    throw new Error('no data here');
  }
  return metres;
}
