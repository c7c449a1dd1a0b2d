// Tile arithmetic in the Web Mercator square. Longitude and latitude in
// degrees, tile columns and rows counted from the north-west corner.

export const MAX_LATITUDE = 85.0511287798066;
/** Metres per pixel of a 256-pixel tile at zoom 0. */
export const RESOLUTION_0 = 156543.03392804097;

export const resolutionToZoom = (resolution) =>
  Math.log2(RESOLUTION_0 / resolution);

const clamp = (v, low, high) => Math.min(Math.max(v, low), high);

/** Position in the unit square, (0, 0) in the north-west. */
export function toUnit([lon, lat]) {
  const phi = clamp(lat, -MAX_LATITUDE, MAX_LATITUDE) * Math.PI / 180;
  return [
    (lon + 180) / 360,
    (1 - Math.asinh(Math.tan(phi)) / Math.PI) / 2,
  ];
}

/** Bounds [west, south, east, north] as a box in the unit square. */
export function boundsToUnit(bounds) {
  const [left, bottom] = toUnit([bounds[0], bounds[1]]);
  const [right, top] = toUnit([bounds[2], bounds[3]]);
  return {left, top, right: right < left ? right + 1 : right, bottom};
}

/** True when a tile touches the bounds; true as well without bounds. */
export function tileInBounds(bounds, z, x, y) {
  if (!bounds) {
    return true;
  }
  const box = boundsToUnit(bounds);
  const n = 2 ** z;
  const rows = (y + 1) / n >= box.top && y / n <= box.bottom;
  const west = x / n;
  const east = (x + 1) / n;
  // The second test is for bounds that cross the antimeridian.
  return rows && ((east >= box.left && west <= box.right) ||
    (east + 1 >= box.left && west + 1 <= box.right));
}

/** Bounds that a program can draw with, whatever a document said. */
export function saneBounds(bounds) {
  const ok = Array.isArray(bounds) && bounds.length === 4 &&
    bounds.every(Number.isFinite) && bounds[1] < bounds[3] &&
    bounds[0] !== bounds[2];
  return ok ? [bounds[0], Math.max(bounds[1], -MAX_LATITUDE), bounds[2],
    Math.min(bounds[3], MAX_LATITUDE)] :
    [-180, -MAX_LATITUDE, 180, MAX_LATITUDE];
}
