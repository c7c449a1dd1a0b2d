// Small pictures of tilesets, drawn from at most four of their own tiles.
import MVT from 'ol/format/MVT.js';
import {loadTileJson} from './api.js';
import {describe, loadFeatures} from './sources.js';
import {fetchTile} from './tiles.js';
import {relief} from './elevation.js';
import {boundsToUnit, tileInBounds} from './mercator.js';
import {backgroundOf, createVectorStyle} from './vectorstyle.js';

const EDGE = 20037508.342789244;

/** The square window to draw: level, and its corner counted in tiles. */
export function thumbWindow(info) {
  const box = boundsToUnit(info.bounds);
  const span = Math.max(box.right - box.left, box.bottom - box.top, 1e-9);
  const fit = Math.floor(Math.log2(1 / span) + 0.4);
  const z = Math.min(info.maxzoom, Math.max(info.minzoom, fit, 0));
  const n = 2 ** z;
  let [x, y] = [(box.left + box.right) / 2, (box.top + box.bottom) / 2];
  if (info.center && z > fit) {
    // Bounds far wider than one tile: trust the document's own centre.
    const [lon, lat] = info.center;
    const at = boundsToUnit([lon, lat, lon, lat]);
    [x, y] = [at.left, at.top];
  }
  const corner = (v) => Math.min(Math.max(v * n - 0.5, 0), n - 1);
  return {z, x: corner(x), y: corner(y)};
}

function tilesOf(info, {z, x, y}) {
  const list = [];
  for (let row = Math.floor(y); row < y + 1; row++) {
    for (let column = Math.floor(x); column < x + 1; column++) {
      if (tileInBounds(info.bounds, z, column, row)) {
        list.push({z, column, row});
      }
    }
  }
  return list;
}

async function drawRaster(context, info, tile, place) {
  const {z, column, row} = tile;
  const reply = await fetchTile(info, z, column, row);
  if (!reply) {
    return false;
  }
  const bitmap = await createImageBitmap(await reply.blob());
  const image = info.encoding ? relief(bitmap, info, [z, column, row]) : bitmap;
  context.drawImage(image, place.left, place.top, place.side, place.side);
  return true;
}

function tracePath(context, feature) {
  const flat = feature.getFlatCoordinates();
  const ends = feature.getEnds() ?? [];
  let start = 0;
  context.beginPath();
  for (const end of ends.length ? ends.flat() : [flat.length]) {
    for (let i = start; i < end; i += 2) {
      context[i === start ? 'moveTo' : 'lineTo'](flat[i], flat[i + 1]);
    }
    start = end;
  }
}

function paint(context, feature, style, pixel) {
  const stroke = style.getStroke();
  const fill = style.getFill();
  const image = style.getImage();
  if (image) {
    const [x, y] = feature.getFlatCoordinates();
    context.beginPath();
    context.arc(x, y, image.getRadius() * pixel * 0.7, 0, 7);
    context.fillStyle = image.getFill().getColor();
    context.fill();
    return;
  }
  tracePath(context, feature);
  if (fill) {
    context.fillStyle = fill.getColor();
    context.fill('evenodd');
  }
  if (stroke) {
    context.strokeStyle = stroke.getColor();
    context.lineWidth = stroke.getWidth() * pixel;
    context.stroke();
  }
}

async function drawVector(context, info, tile, place, style) {
  const {z, column, row} = tile;
  const size = 2 * EDGE / 2 ** z;
  const extent = [column * size - EDGE, EDGE - (row + 1) * size,
    (column + 1) * size - EDGE, EDGE - row * size];
  const features = await loadFeatures(info, new MVT(), [z, column, row],
    {extent, featureProjection: 'EPSG:3857'});
  const jobs = features.flatMap((feature) =>
    (style(feature, size / 512) ?? []).filter((s) => !s.getText())
      .map((s) => ({feature, style: s})));
  jobs.sort((a, b) => a.style.getZIndex() - b.style.getZIndex());
  context.save();
  const scale = place.side / size;
  context.translate(place.left, place.top);
  context.scale(scale, -scale);
  context.translate(-extent[0], -extent[3]);
  context.beginPath();
  context.rect(extent[0], extent[1], size, size);
  context.clip();
  for (const job of jobs) {
    paint(context, job.feature, job.style, 1 / scale);
  }
  context.restore();
  return features.length > 0;
}

/**
 * Draws a tileset into a square canvas.
 * @returns {Promise<boolean>} false when none of its tiles could be drawn
 */
export async function drawThumb(canvas, tileset, theme) {
  const info = describe(tileset, await loadTileJson(tileset));
  const context = canvas.getContext('2d');
  const side = canvas.width;
  const window = thumbWindow(info);
  const style = createVectorStyle(theme, () => false, 'en');
  context.fillStyle = info.vector ? backgroundOf(info, theme) : 'transparent';
  context.fillRect(0, 0, side, side);
  const drawn = await Promise.all(tilesOf(info, window).map((tile) => {
    const place = {side, left: (tile.column - window.x) * side,
      top: (tile.row - window.y) * side};
    const draw = info.vector ? drawVector : drawRaster;
    return draw(context, info, tile, place, style).catch(() => false);
  }));
  if (!drawn.some(Boolean)) {
    context.clearRect(0, 0, side, side); // the style sheet then says "none"
    return false;
  }
  return true;
}
