// Fetches tiles and remembers how many bytes each one took.
import {fetchPatiently} from './patience.js';

const KEPT = 4000; // sizes remembered; oldest are forgotten first
const sizes = new Map();
const listeners = new Set();

export const tileKey = (id, z, x, y) => `${id}/${z}/${x}/${y}`;

/** {bytes, status} of a tile that was asked for, or undefined. */
export const tileSize = (id, z, x, y) => sizes.get(tileKey(id, z, x, y));

/** Calls fn({key, bytes, status}) after every answer. */
export function onTile(fn) {
  listeners.add(fn);
}

function remember(key, entry) {
  sizes.delete(key);
  sizes.set(key, entry);
  if (sizes.size > KEPT) {
    sizes.delete(sizes.keys().next().value);
  }
  for (const fn of listeners) {
    fn({key, ...entry});
  }
}

export const fillTemplate = (template, z, x, y) => template
  .replace('{z}', z).replace('{x}', x).replace('{y}', y);

/**
 * @returns {Promise<Response|null>} null when there is no such tile (204, 404)
 * @throws when the server could not answer
 */
export async function fetchTile(layer, z, x, y, signal) {
  const url = fillTemplate(layer.template, z, x, y);
  const reply = await fetchPatiently(url, {signal});
  // What travelled: for a compressed tile this is less than what is decoded.
  const length = Number(reply.headers.get('content-length')) || 0;
  remember(tileKey(layer.id, z, x, y), {
    bytes: reply.ok ? length : 0, status: reply.status,
  });
  if (reply.status === 204 || reply.status === 404) {
    return null;
  }
  if (!reply.ok) {
    throw new Error(`${url}: ${reply.status}`);
  }
  return reply;
}
