// The documents that the server offers, by addresses relative to this page,
// so that a base path or a proxy in front needs no configuration here.
import {fetchPatiently} from './patience.js';

/** Folder of the page, ending in '/'. */
export const pageBase =
  location.origin + location.pathname.replace(/[^/]*$/, '');

async function getJson(path, options) {
  const reply = await fetchPatiently(pageBase + path, options);
  if (!reply.ok) {
    throw new Error(`${path}: the server answered ${reply.status}`);
  }
  return reply.json();
}

// Documents may be kept for a minute; what is shown should not be that old.
const FRESH = {cache: 'no-cache'};

/** @returns {Promise<Array>} the tilesets; an empty array is a valid answer */
export async function loadCatalog() {
  const catalog = await getJson('catalog.json', FRESH);
  return Array.isArray(catalog.tilesets) ? catalog.tilesets : [];
}

const tileJsons = new Map();

/** TileJSON of a tileset, asked for once per page and generation. */
export function loadTileJson(tileset) {
  const key = `${tileset.id}@${tileset.generation}`;
  if (!tileJsons.has(key)) {
    const path = `${encodeURIComponent(tileset.id)}.json`;
    const wanted = getJson(path, FRESH).catch((error) => {
      tileJsons.delete(key);
      throw error;
    });
    tileJsons.set(key, wanted);
  }
  return tileJsons.get(key);
}

export const loadStatus = (signal) =>
  getJson('status.json', {cache: 'no-store', signal});

function splitTemplate(id, tilejson) {
  const template = tilejson.tiles?.[0] ?? '';
  const at = template.lastIndexOf(`/${id}/`) + 1;
  return at > 0 ? [template.slice(0, at), template.slice(at)] :
    [pageBase, `${id}/{z}/{x}/{y}`];
}

/**
 * Tile address template under this page's own folder, for one generation of
 * the tileset, so that tiles of two are never mixed and may be kept for good.
 * The absolute one in the document may name another origin (a public name
 * behind a proxy), which the Content-Security-Policy would rightly refuse.
 */
export function tileTemplate({id, generation}, tilejson) {
  const tail = splitTemplate(id, tilejson)[1];
  return pageBase + (generation ?
    tail.replace(`${id}/`, () => `${id}/@${generation}/`) : tail);
}

/** The address under which the server says it is known, ending in '/'. */
export const publicBase = (id, tilejson) => splitTemplate(id, tilejson)[0];

export const isVector = (tileset) =>
  ['pbf', 'mvt'].includes(String(tileset.format).toLowerCase());
