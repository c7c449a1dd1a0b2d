// The panel with the addresses of a tileset and code for other programs.
import {h} from './dom.js';
import {publicBase} from './api.js';
import {copyButton} from './clipboard.js';
import {coordinateDigits} from './format.js';
import {scriptKey, snippets} from './snippets.js';

function addresses(info, position) {
  const base = publicBase(info.id, info.tilejson);
  const digits = coordinateDigits(position.zoom);
  return {
    id: info.id, key: scriptKey(info.id), vector: info.vector,
    xyz: info.tilejson.tiles?.[0] ?? `${base}${info.id}/{z}/{x}/{y}`,
    tilejson: `${base}${info.id}.json`,
    wmts: `${base}wmts/1.0.0/WMTSCapabilities.xml`,
    style: `${base}styles/${info.id}.json`,
    lat: position.lat.toFixed(digits), lon: position.lon.toFixed(digits),
    zoom: Number(position.zoom.toFixed(1)),
    minzoom: info.minzoom, maxzoom: info.maxzoom,
    tileSize: info.tileset.tile_size === 512 ? 512 : 256,
    attribution: info.attribution,
  };
}

function addressRow(label, text) {
  const id = `address-${label.toLowerCase().replace(/\W/g, '-')}`;
  return h('div', {class: 'address'},
    h('label', {for: id, class: 'label'}, label),
    h('div', {class: 'address-line'},
      h('input', {id, readOnly: true, value: text, spellcheck: false,
        onFocus: (event) => event.target.select()}),
      copyButton(`${label} address`, () => text)));
}

function snippetBox(a) {
  const all = snippets(a);
  const code = h('pre', {class: 'code', tabIndex: 0,
    'aria-label': 'Code for the chosen program'}, all[0][1]);
  let shown = all[0];
  const tabs = all.map(([name, text], i) => h('label', {class: 'radio'},
    h('input', {type: 'radio', name: 'snippet', value: name, checked: i === 0,
      onChange: () => {
        shown = [name, text];
        code.textContent = text;
      }}), name));
  return h('section', {class: 'block'},
    h('fieldset', {class: 'radios'}, h('legend', {}, 'Use it in'), tabs),
    h('div', {class: 'code-box'}, code,
      copyButton('code', () => shown[1])));
}

/** The address panel; see chrome.js for what a panel is. */
export function sharePanel(state, mapView) {
  return {
    title: 'Use this map', short: 'Use',
    open(body) {
      const draw = ({info}) => {
        if (!info) {
          body.replaceChildren(
            h('p', {class: 'empty'}, 'Choose a tileset first.'));
          return;
        }
        const a = addresses(info, mapView.position());
        const rows = [['XYZ', a.xyz], ['TileJSON', a.tilejson],
          ['WMTS', a.wmts]];
        if (info.vector) {
          rows.push(['MapLibre style', a.style]);
        }
        rows.push(['This view', location.href]);
        body.replaceChildren(
          h('h3', {}, info.name),
          ...rows.map(([label, text]) => addressRow(label, text)),
          snippetBox(a));
      };
      return state.watch(['info'], draw, {now: true});
    },
  };
}
