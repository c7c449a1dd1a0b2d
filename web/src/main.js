// Starts the page: makes the parts, gives each the shared state, loads the
// catalog. What is shown is decided by the state alone (state.js).
import {byId, h} from './dom.js';
import {createState} from './state.js';
import {loadCatalog} from './api.js';
import {initAddress} from './address.js';
import {initAttribution} from './attribution.js';
import {catalogPanel} from './catalog.js';
import {initMapButtons, initPanels, initToggles} from './chrome.js';
import {createGridLayer} from './grid.js';
import {createMapView} from './mapview.js';
import {initReadout} from './readout.js';
import {initShown} from './shown.js';
import {initTheme} from './theme.js';

const WIDE = matchMedia('(min-width: 761px)');

const state = createState({
  catalog: [], tilesetId: null, compareId: null, compareMode: 'swipe',
  info: null, layer: null, compareInfo: null, compareLayer: null,
  wantedPosition: null, hidden: new Set(), grid: false, theme: 'light',
  panel: null,
});

function showAll() {
  const info = state.get('info');
  if (info) {
    mapView.showAll(info);
  }
}

function initGrid(mapView) {
  const isDark = () => state.get('theme') === 'dark';
  const layer = createGridLayer(() => state.get('layer') && {
    id: state.get('info').id, source: state.get('layer').getSource(),
  }, isDark);
  mapView.main.addLayer(layer);
  state.watch(['grid'], ({grid}) => layer.setVisible(grid), {now: true});
  state.watch(['theme', 'layer'], () => layer.changed());
}

function explain(error) {
  byId('panel-body').replaceChildren(
    h('p', {class: 'empty', role: 'alert'},
      `The catalog cannot be read. ${error.message}`),
    h('button', {type: 'button', class: 'button', onClick: start},
      'Try again'));
  byId('panel').hidden = false;
  byId('panel-title').textContent = 'Tilesets';
}

const mapView = createMapView();
initToggles(state);
initTheme(state);
initGrid(mapView);
initMapButtons(mapView, showAll);
initReadout(state, mapView, showAll);
initAttribution(state);
initShown(state, mapView);
const address = initAddress(state, mapView);
initPanels(state, {tilesets: catalogPanel(state)});

async function start() {
  try {
    state.set({catalog: await loadCatalog()});
  } catch (error) {
    explain(error);
    return;
  }
  address.read();
  state.set({panel: WIDE.matches ? 'tilesets' : null});
}

start();
