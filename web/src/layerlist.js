// The panel that lists what a tileset holds and switches its layers.
import {h} from './dom.js';
import {bytes, count} from './format.js';
import {layerKind} from './classify.js';
import {kindColour, palette} from './palette.js';
import {onLayersSeen, seenLayers} from './sources.js';

const KIND_NAMES = {roadlabel: 'road names', waterlabel: 'water names',
  housenumber: 'house numbers', landcover: 'land cover', landuse: 'land use',
  other: 'features', region: 'areas', poi: 'points of interest'};

/** Layers of the TileJSON, or those met in tiles when it names none. */
function layersOf(info) {
  return info.vectorLayers.length ? info.vectorLayers :
    [...seenLayers(info.id)].sort().map((id) => ({id}));
}

const TRANSLATION = /^name[:_]./;

/** Fields with their types; a hundred translated names count as one. */
function fieldText(fields) {
  const all = Object.entries(fields ?? {});
  const plain = all.filter(([name]) => !TRANSLATION.test(name))
    .map(([name, type]) => `${name} (${type})`);
  const names = all.length - plain.length;
  return [...plain, ...(names ? [`names in ${names} languages`] : [])]
    .join(', ');
}

function details(layer) {
  const parts = [KIND_NAMES[layerKind(layer.id)] ?? layerKind(layer.id)];
  if (Number.isInteger(layer.minzoom) && Number.isInteger(layer.maxzoom)) {
    parts.push(`zoom ${layer.minzoom}–${layer.maxzoom}`);
  }
  const fields = Object.keys(layer.fields ?? {})
    .filter((name) => !TRANSLATION.test(name)).length;
  if (fields) {
    parts.push(`${fields} field${fields === 1 ? '' : 's'}`);
  }
  return parts.join(' · ');
}

function setHidden(state, keys, hide) {
  const hidden = new Set(state.get('hidden'));
  keys.forEach((key) => (hide ? hidden.add(key) : hidden.delete(key)));
  state.set({hidden});
}

function row(state, info, layer) {
  const key = `${info.id}/${layer.id}`;
  const colours = palette(state.get('theme'));
  const swatch = h('span', {class: 'swatch', 'aria-hidden': 'true'});
  swatch.style.backgroundColor =
    kindColour(layerKind(layer.id), layer.id, colours);
  return h('li', {}, h('label', {class: 'layer',
    title: fieldText(layer.fields)},
    h('input', {
      type: 'checkbox', checked: !state.get('hidden').has(key),
      onChange: (event) => setHidden(state, [key], !event.target.checked),
    }),
    swatch,
    h('span', {class: 'layer-text'}, h('span', {class: 'layer-name'}, layer.id),
      h('span', {class: 'layer-facts'}, details(layer)))));
}

function allOrNone(state, info, redraw) {
  const keys = layersOf(info).map((layer) => `${info.id}/${layer.id}`);
  const button = (text, hide) => h('button', {type: 'button', class: 'button',
    onClick: () => {
      setHidden(state, keys, hide);
      redraw();
    }}, text);
  return h('div', {class: 'row'}, button('All', false), button('None', true));
}

function factList(pairs) {
  return h('dl', {class: 'facts'}, pairs
    .filter(([, value]) => value !== '' && value !== null &&
      value !== undefined)
    .flatMap(([name, value]) => [h('dt', {}, name), h('dd', {}, value)]));
}

function about(info) {
  const {tileset} = info;
  const bounds = info.bounds.map((v) => Number(v.toFixed(4))).join(', ');
  return factList([
    ['Id', info.id],
    ['Format', String(tileset.format ?? '')],
    ['Elevation', info.encoding],
    ['Zooms', `${info.minzoom}–${info.maxzoom}`],
    ['Tiles', Number.isFinite(tileset.tiles) ? count(tileset.tiles) : null],
    ['Size', Number.isFinite(tileset.bytes) ? bytes(tileset.bytes) : null],
    ['Bounds', bounds],
    ['Generation', tileset.generation],
  ]);
}

function section(state, info, redraw) {
  const layers = info.vector ? layersOf(info) : [];
  return h('section', {class: 'block'},
    h('h3', {}, info.name),
    layers.length > 1 ? allOrNone(state, info, redraw) : null,
    layers.length ? h('ul', {class: 'layers'},
      layers.map((layer) => row(state, info, layer))) : null,
    info.vector && !layers.length ?
      h('p', {class: 'note'}, 'No layer has been seen yet.') : null,
    about(info));
}

/** The layer panel; see chrome.js for what a panel is. */
export function layersPanel(state) {
  return {
    title: 'Layers', short: 'Layers',
    open(body) {
      const redraw = () => body.replaceChildren(
        ...['info', 'compareInfo'].map((key) => state.get(key))
          .filter(Boolean).map((info) => section(state, info, redraw)));
      const unwatch =
        state.watch(['info', 'compareInfo', 'theme'], redraw, {now: true});
      const unsee = onLayersSeen(redraw);
      return () => {
        unwatch();
        unsee();
      };
    },
  };
}
