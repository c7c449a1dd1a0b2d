// The address after '#': id/zoom/latitude/longitude, then optional settings,
// for instance #world/3.5/41.16/-8.63&grid=1&compare=porto&mode=side
import {coordinateDigits} from './format.js';

const MODES = ['swipe', 'side'];

function number(text, low, high) {
  const value = Number(text);
  return text !== '' && value >= low && value <= high ? value : null;
}

/** @returns {{id, zoom, lat, lon, grid, compare, mode}} null where absent. */
export function parseHash(hash) {
  const [place, ...settings] = hash.replace(/^#/, '').split('&');
  const [id, zoom = '', lat = '', lon = ''] = place.split('/');
  const options = new URLSearchParams(settings.join('&'));
  const at = {
    zoom: number(zoom, 0, 32), lat: number(lat, -90, 90),
    lon: number(lon, -180, 180),
  };
  const whole = at.zoom !== null && at.lat !== null && at.lon !== null;
  return {
    id: safeDecode(id) || null,
    position: whole ? at : null,
    grid: options.get('grid') === '1',
    compare: options.get('compare') || null,
    mode: MODES.includes(options.get('mode')) ? options.get('mode') : 'swipe',
  };
}

function safeDecode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return '';
  }
}

export function formatHash({id, position, grid, compare, mode}) {
  if (!id) {
    return '';
  }
  let text = `#${encodeURIComponent(id)}`;
  if (position) {
    const digits = coordinateDigits(position.zoom);
    text += `/${Number(position.zoom.toFixed(2))}` +
      `/${position.lat.toFixed(digits)}/${position.lon.toFixed(digits)}`;
  }
  if (grid) {
    text += '&grid=1';
  }
  if (compare) {
    text += `&compare=${encodeURIComponent(compare)}&mode=${mode}`;
  }
  return text;
}
