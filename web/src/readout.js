// The line under the map: scale bar, pointer position, tile; and the hint
// shown where the map is outside the zooms or the place of the tileset.
import {getPointResolution, toLonLat} from 'ol/proj.js';
import {byId} from './dom.js';
import {bytes, latLon} from './format.js';
import {tileAt} from './grid.js';
import {displayZoom} from './sources.js';
import {onTile, tileSize} from './tiles.js';
import {boundsToUnit, toUnit} from './mercator.js';
import {notice} from './announce.js';

const SCALE_PX = 84;

function drawScale(view) {
  const metres = getPointResolution('EPSG:3857', view.getResolution(),
    view.getCenter()) * SCALE_PX;
  const magnitude = 10 ** Math.floor(Math.log10(metres));
  const step = [5, 2, 1].find((s) => s * magnitude <= metres) * magnitude;
  byId('scale-bar').style.width = `${(step / metres * SCALE_PX).toFixed(1)}px`;
  byId('scale-text').textContent = step >= 1000 ?
    `${(step / 1000).toLocaleString('en')} km` : `${step} m`;
}

/** Text for the tile at a map coordinate, with its size once it is known. */
export function tileText(info, source, coordinate, resolution) {
  const tile = tileAt(source, coordinate, resolution);
  if (!tile) {
    return '';
  }
  const size = tileSize(info.id, tile.z, tile.x, tile.y);
  const weight = size?.bytes ? ` · ${bytes(size.bytes)}` : '';
  return `${tile.z}/${tile.x}/${tile.y}${weight}`;
}

function initPointer(state, mapView) {
  const output = byId('pointer');
  let last = null;

  function write() {
    const {view} = mapView;
    const coordinate = last?.map.getCoordinateFromPixel(last.pixel) ??
      view.getCenter();
    const [lon, lat] = toLonLat(coordinate);
    const info = state.get('info');
    const layer = state.get('layer');
    const tile = info && layer ?
      tileText(info, layer.getSource(), coordinate, view.getResolution()) : '';
    const zoom = view.getZoom();
    output.textContent =
      [`z ${zoom.toFixed(1)}`, latLon(lat, lon, zoom), tile]
        .filter(Boolean).join('   ');
  }

  mapView.eachMap((map) => {
    map.on('pointermove', (event) => {
      last = {map, pixel: event.pixel};
      write();
    });
    map.getViewport().addEventListener('pointerleave', () => {
      last = null;
      write();
    });
  });
  mapView.main.on('postrender', write);
  state.watch(['layer'], write);
  onTile(write);
}

/** Why nothing of the tileset can be seen here, or null when it can. */
function whyEmpty(info, position) {
  const first = displayZoom(info, info.minzoom) - 2;
  if (position.zoom <= first) {
    return `Zoom in to level ${Math.ceil(first) + 1} to see this tileset`;
  }
  const box = boundsToUnit(info.bounds);
  const [x, y] = toUnit([position.lon, position.lat]);
  const reach = 3 / 2 ** position.zoom; // about a screen
  const outX = [x, x + 1].every((v) => v < box.left - reach ||
    v > box.right + reach);
  const outY = y < box.top - reach || y > box.bottom + reach;
  return outX || outY ? 'Nothing here: go to the tileset' : null;
}

function initHint(state, mapView, showAll) {
  const hint = byId('hint');
  const update = () => {
    const info = state.get('info');
    const why = info && whyEmpty(info, mapView.position());
    hint.hidden = !why;
    hint.textContent = why ?? '';
  };
  hint.addEventListener('click', showAll);
  mapView.main.on('moveend', update);
  state.watch(['info'], update);
}

function initFailures() {
  let last = 0;
  onTile(({status}) => {
    const now = Date.now();
    if (status >= 500 && now - last > 5000) {
      last = now;
      notice('The server could not deliver some tiles. They are left out.');
    }
  });
}

export function initReadout(state, mapView, showAll) {
  mapView.view.on('change:resolution', () => drawScale(mapView.view));
  mapView.main.on('moveend', () => drawScale(mapView.view));
  initPointer(state, mapView);
  initHint(state, mapView, showAll);
  initFailures();
}
