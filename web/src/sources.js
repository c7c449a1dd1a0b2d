// Turns a tileset of the catalog into a layer that the map can draw.
import MVT from 'ol/format/MVT.js';
import TileLayer from 'ol/layer/Tile.js';
import VectorTileLayer from 'ol/layer/VectorTile.js';
import ImageTileSource from 'ol/source/ImageTile.js';
import VectorTileSource from 'ol/source/VectorTile.js';
import TileState from 'ol/TileState.js';
import {tileTemplate, isVector} from './api.js';
import {fetchTile} from './tiles.js';
import {tileInBounds, saneBounds} from './mercator.js';
import {isElevation, relief} from './elevation.js';

// Tiles are drawn this many levels larger than the deepest ones stored.
export const OVERZOOM = 5;
const NO_FADE = matchMedia('(prefers-reduced-motion: reduce)');

/**
 * Width in CSS pixels at which a tile is drawn: vector tiles at 512, pictures
 * of 512 pixels at half that on a fine screen, where they are sharper.
 */
function cellWidth(tileset, vector) {
  const large = tileset.tile_size === 512;
  return vector || (large && devicePixelRatio < 1.5) ? 512 : 256;
}

/** The parts of catalog entry and TileJSON that drawing needs, checked. */
export function describe(tileset, tilejson) {
  const whole = (v, other) => (Number.isInteger(v) ? v : other);
  const minzoom = whole(tilejson.minzoom ?? tileset.minzoom, 0);
  const vector = isVector(tileset) || Array.isArray(tilejson.vector_layers);
  return {
    id: tileset.id,
    name: tileset.name || tilejson.name || tileset.id,
    vector,
    cell: cellWidth(tileset, vector),
    template: tileTemplate(tileset, tilejson),
    minzoom,
    maxzoom: Math.max(minzoom, whole(tilejson.maxzoom ?? tileset.maxzoom, 22)),
    bounds: saneBounds(tilejson.bounds ?? tileset.bounds),
    center: Array.isArray(tilejson.center) ? tilejson.center : null,
    attribution: tilejson.attribution || tileset.attribution || '',
    encoding: isElevation(tilejson) ? tilejson.encoding : null,
    vectorLayers: tilejson.vector_layers ?? [],
    tilejson, tileset,
  };
}

/** Zoom of the map at which tiles of level z are drawn at their own size. */
export const displayZoom = (info, z) => z + Math.log2(info.cell / 256);

function emptyImage() {
  const canvas = document.createElement('canvas');
  canvas.width = canvas.height = 1;
  return canvas;
}

async function loadImage(info, z, x, y, signal) {
  if (!tileInBounds(info.bounds, z, x, y)) {
    return emptyImage();
  }
  const reply = await fetchTile(info, z, x, y, signal);
  if (!reply) {
    throw new Error('no such tile'); // the map then shows the parent's part
  }
  const bitmap = await createImageBitmap(await reply.blob());
  return info.encoding ? relief(bitmap, info, [z, x, y]) : bitmap;
}

function rasterLayer(info) {
  const source = new ImageTileSource({
    minZoom: info.minzoom,
    maxZoom: info.maxzoom,
    tileSize: info.cell,
    interpolate: true,
    transition: NO_FADE.matches ? 0 : 180,
    loader: (z, x, y, {signal}) => loadImage(info, z, x, y, signal),
  });
  return new TileLayer({source, preload: 1});
}

const seen = new Map();
const seenListeners = new Set();

/** Names of the layers met in tiles of a tileset so far. */
export const seenLayers = (id) => seen.get(id) ?? new Set();

/** Calls fn() when a layer is met first. @returns a function that ends it */
export function onLayersSeen(fn) {
  seenListeners.add(fn);
  return () => seenListeners.delete(fn);
}

function noteLayers(info, features) {
  const names = seen.get(info.id) ?? new Set();
  const before = names.size;
  features.forEach((feature) => names.add(feature.get('layer')));
  seen.set(info.id, names);
  if (names.size > before) {
    seenListeners.forEach((fn) => fn());
  }
}

/** Features of one vector tile; none where there is no tile. */
export async function loadFeatures(info, format, [z, x, y], options) {
  const reply = tileInBounds(info.bounds, z, x, y) ?
    await fetchTile(info, z, x, y) : null;
  const data = reply ? await reply.arrayBuffer() : new ArrayBuffer(0);
  const features = data.byteLength ? format.readFeatures(data, options) : [];
  noteLayers(info, features);
  return features;
}

function vectorTileLoader(info) {
  return (tile) => tile.setLoader((extent, resolution, projection) => {
    const options = {extent, featureProjection: projection};
    loadFeatures(info, tile.getFormat(), tile.getTileCoord(), options)
      .then((features) => tile.setFeatures(features))
      .catch(() => tile.setState(TileState.ERROR));
  });
}

function vectorLayer(info, style) {
  const source = new VectorTileSource({
    format: new MVT(),
    minZoom: info.minzoom,
    maxZoom: info.maxzoom,
    tileSize: info.cell,
    url: info.template, // only a key: the loader below asks for the tiles
    tileLoadFunction: vectorTileLoader(info),
    transition: 0,
  });
  return new VectorTileLayer({
    source, style, declutter: true, renderBuffer: 96, renderMode: 'hybrid',
  });
}

/**
 * @param info from describe()
 * @param style style function, used for vector tilesets
 */
export function createLayer(info, style) {
  const layer = info.vector ? vectorLayer(info, style) : rasterLayer(info);
  // Far above the first level one screen would need thousands of tiles.
  layer.setMinZoom(displayZoom(info, info.minzoom) - 2.01);
  return layer;
}
