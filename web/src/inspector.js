// What is at a point: the features there with all their attributes, and the
// tile that holds them. By click, tap, or Enter for the middle of the map.
import VectorLayer from 'ol/layer/Vector.js';
import VectorSource from 'ol/source/Vector.js';
import {toLonLat} from 'ol/proj.js';
import {toFeature} from 'ol/render/Feature.js';
import Circle from 'ol/style/Circle.js';
import Fill from 'ol/style/Fill.js';
import Stroke from 'ol/style/Stroke.js';
import Style from 'ol/style/Style.js';
import {byId, h} from './dom.js';
import {announce} from './announce.js';
import {featureName} from './classify.js';
import {latLon} from './format.js';
import {icon} from './icons.js';
import {language} from './language.js';
import {palette} from './palette.js';
import {heightAt} from './height.js';
import {tileText} from './readout.js';

const TOLERANCE_PX = 6;
const MOST = 40; // features listed for one point

function highlightStyle(state) {
  const color = palette(state.get('theme')).select;
  const stroke = new Stroke({color, width: 3});
  return new Style({stroke, image: new Circle({radius: 7, stroke,
    fill: new Fill({color: 'transparent'})})});
}

/** Features under a pixel, each once although tiles overlap at their edges. */
function featuresAt(map, pixel) {
  const seen = new Set();
  const found = [];
  map.forEachFeatureAtPixel(pixel, (feature) => {
    const key = JSON.stringify([feature.getId(), feature.getProperties()]);
    if (feature.get('layer') && !seen.has(key)) {
      seen.add(key);
      found.push(feature);
    }
    return found.length >= MOST;
  }, {hitTolerance: TOLERANCE_PX});
  return found;
}

function attributeTable(feature) {
  const entries = Object.entries(feature.getProperties())
    .filter(([name]) => name !== 'layer');
  if (feature.getId() !== undefined) {
    entries.unshift(['feature id', feature.getId()]);
  }
  return entries.length === 0 ?
    h('p', {class: 'note'}, 'This feature has no attributes.') :
    h('table', {class: 'attributes'}, h('tbody', {}, entries.map(
      ([name, value]) => h('tr', {}, h('th', {scope: 'row'}, name),
        h('td', {}, String(value))))));
}

function pager(at, total, go) {
  const button = (name, label, step) => h('button', {type: 'button',
    class: 'plain', 'aria-label': label, onClick: () => go(step)}, icon(name));
  return total < 2 ? null : h('span', {class: 'pager'},
    button('previous', 'Previous feature', -1), `${at + 1} / ${total}`,
    button('next', 'Next feature', 1));
}

/** Opens the inspector's box for what was found at a point. */
function createBox(onClose, onFeature) {
  const box = byId('inspector');
  const close = h('button', {type: 'button', class: 'plain',
    'aria-label': 'Close', onClick: onClose}, icon('close'));

  function show(found, place, at) {
    const feature = found[at];
    const go = (step) =>
      show(found, place, (at + step + found.length) % found.length);
    const name = feature && featureName((key) => feature.get(key),
      language);
    const title = feature ? name || feature.get('layer') : 'No feature here';
    box.replaceChildren(
      h('div', {class: 'inspector-head'},
        h('h2', {}, place.raster ? 'Position' : title),
        pager(at, found.length, go), close),
      h('div', {class: 'inspector-body'},
        feature ? h('p', {class: 'layer-facts'}, `Layer ${
          feature.get('layer')}, ${feature.getType().toLowerCase()}`) : null,
        feature ? attributeTable(feature) : null,
        h('p', {class: 'place'}, place.text)));
    box.hidden = false;
    onFeature(feature ?? null);
    announce(`${title}. ${found.length} features. ${place.text}`);
    return box;
  }

  return {box, show};
}

export function initInspector(state, mapView) {
  const source = new VectorSource();
  mapView.eachMap((map) => map.addLayer(new VectorLayer({source, zIndex: 90,
    style: () => highlightStyle(state)})));

  function close() {
    const had = box.contains(document.activeElement);
    box.hidden = true;
    source.clear();
    if (had) {
      byId('map').focus();
    }
  }

  const {box, show} = createBox(close, (feature) => {
    source.clear();
    if (feature) {
      source.addFeature(toFeature(feature));
    }
  });

  function inspect(map, which, pixel, coordinate) {
    const main = which === 'main';
    const info = state.get(main ? 'info' : 'compareInfo');
    const layer = state.get(main ? 'layer' : 'compareLayer');
    if (!info || !layer) {
      return;
    }
    const {view} = mapView;
    const [lon, lat] = toLonLat(coordinate);
    const tile = tileText(info, layer.getSource(), coordinate,
      view.getResolution());
    const place = {raster: !info.vector, text:
      `${latLon(lat, lon, view.getZoom())} · tile ${tile}`};
    show(info.vector ? featuresAt(map, pixel) : [], place, 0);
    if (info.encoding) {
      heightAt(info, layer.getSource(), coordinate, view.getResolution())
        .then((metres) => show([], {...place,
          text: `${Math.round(metres)} m · ${place.text}`}, 0))
        .catch(() => announce('No height here'));
    }
  }

  mapView.eachMap((map, which) => map.on('click', (event) =>
    inspect(map, which, event.pixel, event.coordinate)));
  byId('map').addEventListener('keydown', (event) => {
    if (event.key === 'Enter') {
      const [width, height] = mapView.main.getSize();
      inspect(mapView.main, 'main', [width / 2, height / 2],
        mapView.view.getCenter());
      box.focus();
    }
  });
  document.addEventListener('keydown', (event) => {
    if (event.key === 'Escape' && !box.hidden) {
      close();
    }
  });
  state.watch(['info'], close);
}
