// The one or two maps of the page and the view that they share.
import OlMap from 'ol/Map.js';
import View from 'ol/View.js';
import {defaults as defaultInteractions} from 'ol/interaction/defaults.js';
import {fromLonLat, toLonLat, transformExtent} from 'ol/proj.js';
import {byId} from './dom.js';
import {displayZoom, OVERZOOM} from './sources.js';

const STILL = matchMedia('(prefers-reduced-motion: reduce)');
const motion = (ms) => (STILL.matches ? 0 : ms);

/** Assistive programs (and tests) are told while tiles are on their way. */
function tellWhenBusy(map, target) {
  const busy = (yes) => target.setAttribute('aria-busy', String(yes));
  map.on('loadstart', () => busy(true));
  map.on('loadend', () => busy(false));
}

function createMap(target, view) {
  const map = new OlMap({
    target, view, controls: [], layers: [],
    interactions: defaultInteractions({altShiftDragRotate: false,
      pinchRotate: false}),
  });
  tellWhenBusy(map, target);
  return map;
}

/** Wraps OpenLayers' View in the few moves that this page makes. */
export function createMapView() {
  const view = new View({center: [0, 0], zoom: 1, minZoom: 0, maxZoom: 22,
    enableRotation: false});
  const main = createMap(byId('map'), view);
  const listeners = [];
  let second = null;

  /** The map of the tileset to compare with, made when first needed. */
  function secondMap() {
    if (!second) {
      second = createMap(byId('map-b'), view);
      listeners.forEach((fn) => fn(second, 'compare'));
    }
    return second;
  }

  /** Calls fn(map, 'main' | 'compare') for the maps there are and will be. */
  function eachMap(fn) {
    listeners.push(fn);
    fn(main, 'main');
    if (second) {
      fn(second, 'compare');
    }
  }

  function position() {
    const [lon, lat] = toLonLat(view.getCenter());
    return {zoom: view.getZoom(), lat, lon};
  }

  function moveTo({zoom, lat, lon}) {
    view.cancelAnimations();
    view.setCenter(fromLonLat([lon, lat]));
    view.setZoom(zoom);
  }

  /** Shows a whole tileset, or its middle where that is too far out. */
  function showAll(info) {
    const [west, south, east, north] = info.bounds;
    const whole = east - west > 300;
    // The poles stretch without end; a world map is nicer without them.
    const box = whole ? [-170, -58, 170, 74] : [west, south, east, north];
    view.fit(transformExtent(box, 'EPSG:4326', 'EPSG:3857'), {
      size: main.getSize(), padding: whole ? [0, 0, 0, 0] : [48, 48, 48, 48],
      maxZoom: displayZoom(info, info.maxzoom) + 1, duration: 0,
    });
    const first = displayZoom(info, info.minzoom) - 0.5;
    if (view.getZoom() < first) {
      const middle = info.center ?? [(west + east) / 2, (south + north) / 2];
      moveTo({zoom: Math.max(first, 0), lat: middle[1], lon: middle[0]});
    }
  }

  function zoomBy(delta) {
    view.cancelAnimations();
    view.animate({zoom: view.getConstrainedZoom(view.getZoom() + delta,
      Math.sign(delta)), duration: motion(180)});
  }

  /** Limits zooming in to where the deepest tiles still mean something. */
  function limitTo(infos) {
    const deepest = infos.map((i) => displayZoom(i, i.maxzoom) + OVERZOOM);
    view.setMaxZoom(Math.min(28, Math.max(...deepest)));
  }

  return {main, view, secondMap, eachMap, position, moveTo, showAll, zoomBy, limitTo};
}
