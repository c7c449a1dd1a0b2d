// The tile grid drawn over the map: where tiles begin and end, their numbers,
// and how many bytes each took.
import Layer from 'ol/layer/Layer.js';
import {bytes} from './format.js';
import {RESOLUTION_0} from './mercator.js';
import {tileSize} from './tiles.js';

const EDGE = 20037508.342789244;
const CELL_MIN_PX = 24; // narrower cells are a texture, and far too many
const LABEL_MIN_PX = 92; // a narrower tile has no room for its numbers

/** Level of the tiles that a layer draws at a resolution. */
export function tileLevel(source, resolution) {
  return source.getTileGrid().getZForResolution(resolution, source.zDirection);
}

/** Tile under a map coordinate, or null outside the world's rows. */
export function tileAt(source, coordinate, resolution) {
  const z = tileLevel(source, resolution);
  const n = 2 ** z;
  const y = Math.floor((EDGE - coordinate[1]) / (2 * EDGE) * n);
  const column = Math.floor((coordinate[0] + EDGE) / (2 * EDGE) * n);
  return y < 0 || y >= n ? null : {z, x: ((column % n) + n) % n, y, column};
}

function prepare(canvas, frame) {
  const [width, height] = frame.size;
  canvas.width = Math.round(width * frame.pixelRatio);
  canvas.height = Math.round(height * frame.pixelRatio);
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  const context = canvas.getContext('2d');
  context.scale(frame.pixelRatio, frame.pixelRatio);
  return context;
}

function drawLabel(context, text, x, y, dark) {
  context.lineWidth = 3;
  context.strokeStyle = dark ? 'rgba(10,16,22,.8)' : 'rgba(255,255,255,.85)';
  context.strokeText(text, x, y);
  context.fillStyle = dark ? '#f0d9cb' : '#5e2a10';
  context.fillText(text, x, y);
}

function drawTile(context, box, lines, dark) {
  const {left, top, side} = box;
  context.lineWidth = 1;
  context.strokeStyle = dark ? 'rgba(240,160,120,.55)' : 'rgba(140,58,20,.55)';
  context.strokeRect(Math.round(left) + 0.5, Math.round(top) + 0.5, side, side);
  if (side < LABEL_MIN_PX) {
    return;
  }
  lines.forEach((line, i) =>
    drawLabel(context, line, left + 7, top + 17 + i * 15, dark));
}

/** Visible columns and rows of level z, as numbers that may be off the map. */
function visibleRange(frame, z) {
  const n = 2 ** z;
  const [west, south, east, north] = frame.extent;
  const index = (metres) => Math.floor(metres / (2 * EDGE) * n);
  return {
    n, minX: index(west + EDGE), maxX: index(east + EDGE),
    minY: Math.max(0, index(EDGE - north)),
    maxY: Math.min(n - 1, index(EDGE - south)),
  };
}

function drawGrid(context, frame, z, target, dark) {
  const {resolution, center} = frame.viewState;
  const range = visibleRange(frame, z);
  const side = 256 * RESOLUTION_0 / 2 ** z / resolution;
  if (side < CELL_MIN_PX) {
    return;
  }
  const originX = frame.size[0] / 2 - (center[0] + EDGE) / resolution;
  const originY = frame.size[1] / 2 - (EDGE - center[1]) / resolution;
  for (let y = range.minY; y <= range.maxY; y++) {
    for (let column = range.minX; column <= range.maxX; column++) {
      const x = ((column % range.n) + range.n) % range.n;
      const size = tileSize(target.id, z, x, y);
      const box = {left: originX + column * side, top: originY + y * side,
        side};
      const lines = [`${z}/${x}/${y}`];
      if (size?.bytes) {
        lines.push(bytes(size.bytes));
      }
      drawTile(context, box, lines, dark);
    }
  }
}

/**
 * A layer that draws the grid of `current()`: {id, source} or null.
 * @param {function(): boolean} isDark
 */
export function createGridLayer(current, isDark) {
  const canvas = document.createElement('canvas');
  canvas.className = 'grid-canvas';
  return new Layer({
    zIndex: 100,
    render(frame) {
      const context = prepare(canvas, frame);
      const target = current();
      if (target) {
        context.font = '600 11px ui-monospace, Menlo, Consolas, monospace';
        context.lineJoin = 'round';
        const z = tileLevel(target.source, frame.viewState.resolution);
        drawGrid(context, frame, z, target, isDark());
      }
      return canvas;
    },
  });
}
