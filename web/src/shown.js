// Loads the tileset that is chosen, and the one it is compared with, and puts
// their layers on the maps.
import {loadTileJson} from './api.js';
import {createLayer, describe, displayZoom, OVERZOOM} from './sources.js';
import {backgroundOf, createVectorStyle} from './vectorstyle.js';
import {notice} from './announce.js';
import {language} from './language.js';

export const findTileset = (state, id) =>
  state.get('catalog').find((t) => t.id === id) ?? null;

/** Styles and backgrounds follow the theme and the switched-off layers. */
function styleFor(state, info) {
  const hidden = state.get('hidden');
  return createVectorStyle(state.get('theme'),
    (name) => hidden.has(`${info.id}/${name}`), language);
}

function dress(state, map, info, layer) {
  if (!info || !layer) {
    return;
  }
  if (info.vector) {
    layer.setStyle(styleFor(state, info));
  }
  map.getTargetElement().style.backgroundColor = info.vector ?
    backgroundOf(info, state.get('theme')) : '';
}

async function load(state, id) {
  const tileset = findTileset(state, id);
  if (!tileset) {
    return {info: null, layer: null};
  }
  const info = describe(tileset, await loadTileJson(tileset));
  return {info, layer: createLayer(info, styleFor(state, info))};
}

/**
 * Puts a tile layer in the place of the others; with `keep` those stay under
 * it until it has loaded, so that nothing flashes.
 */
function putOn(map, layer, keep) {
  const old = map.getLayers().getArray().filter((l) => l.get('tiles'));
  const clear = () => old.forEach((l) => map.removeLayer(l));
  if (keep) {
    map.once('loadend', clear);
  } else {
    clear();
  }
  if (layer) {
    layer.set('tiles', true);
    map.getLayers().insertAt(keep ? old.length : 0, layer);
  }
}

/** True when the view already shows a useful part of the tileset. */
function alreadyThere(info, {zoom, lat, lon}) {
  const [west, south, east, north] = info.bounds;
  return lat > south && lat < north && lon > west && lon < east &&
    zoom > displayZoom(info, info.minzoom) - 0.5 &&
    zoom < displayZoom(info, info.maxzoom) + OVERZOOM - 2;
}

/**
 * Watches tilesetId and compareId; sets info, layer, compareInfo,
 * compareLayer. A late answer for a tileset no longer wanted is dropped.
 */
export function initShown(state, mapView) {
  function limit() {
    const infos = [state.get('info'), state.get('compareInfo')].filter(Boolean);
    if (infos.length) {
      mapView.limitTo(infos);
    }
  }

  function place(info) {
    const wanted = state.get('wantedPosition');
    state.set({wantedPosition: null});
    if (wanted) {
      mapView.moveTo(wanted);
    } else if (!alreadyThere(info, mapView.position()) ||
        !mapView.view.get('placed')) {
      mapView.showAll(info);
    }
    mapView.view.set('placed', true);
  }

  async function showMain({tilesetId}, updated = false) {
    try {
      const {info, layer} = await load(state, tilesetId);
      if (tilesetId !== state.get('tilesetId')) {
        return;
      }
      putOn(mapView.main, layer, updated);
      state.set({info, layer});
      dress(state, mapView.main, info, layer);
      limit();
      if (info && !updated) {
        document.title = `${info.name} · Imbrex`;
        place(info);
      }
    } catch (error) {
      notice(`Cannot show ${tilesetId}: ${error.message}`, 8000);
    }
  }

  async function showSecond({compareId}, updated = false) {
    try {
      const {info, layer} = await load(state, compareId);
      if (compareId !== state.get('compareId')) {
        return;
      }
      if (layer) {
        putOn(mapView.secondMap(), layer, updated);
        dress(state, mapView.secondMap(), info, layer);
      }
      state.set({compareInfo: info, compareLayer: layer});
      limit();
    } catch (error) {
      notice(`Cannot compare with ${compareId}: ${error.message}`, 8000);
    }
  }

  function redress() {
    dress(state, mapView.main, state.get('info'), state.get('layer'));
    if (state.get('compareLayer')) {
      dress(state, mapView.secondMap(), state.get('compareInfo'),
        state.get('compareLayer'));
    }
  }

  const isOld = (info) => info &&
    findTileset(state, info.id)?.generation !== info.tileset.generation;

  /** A new catalog may tell of new generations of what is shown. */
  function update(now) {
    const [first, second] = [isOld(now.info), isOld(now.compareInfo)];
    if (first) {
      showMain(now, true);
      notice(`${now.info.name} has been updated`);
    }
    if (second) {
      showSecond(now, true);
    }
  }

  state.watch(['tilesetId'], (now) => showMain(now));
  state.watch(['compareId'], (now) => showSecond(now));
  state.watch(['catalog'], update);
  state.watch(['theme', 'hidden'], redress);
}
