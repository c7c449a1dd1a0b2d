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
import {comparePanel, initCompare} from './compare.js';
import {initInspector} from './inspector.js';
import {layersPanel} from './layerlist.js';
import {machinePanel} from './machine.js';
import {sharePanel} from './share.js';
import {onTile} from './tiles.js';
import {initUpdates} from './updates.js';
import {initReadout} from './readout.js';
import {initShown} from './shown.js';
import {initTheme} from './theme.js';

const WIDE = matchMedia('(min-width: 761px)');

const state = createState({
  catalog: [], tilesetId: null, compareId: null, compareMode: 'swipe',
  info: null, layer: null, compareInfo: null, compareLayer: null,
  wantedPosition: null, hidden: new Set(), grid: false, theme: null,
  panel: null,
});

function showAll() {
  const info = state.get('info');
  if (info) {
    mapView.showAll(info);
  }
}

function initGrids(mapView) {
  const isDark = () => state.get('theme') === 'dark';
  mapView.eachMap((map, which) => {
    const keys = which === 'main' ? ['info', 'layer'] :
      ['compareInfo', 'compareLayer'];
    const target = () => state.get(keys[1]) && {
      id: state.get(keys[0]).id, source: state.get(keys[1]).getSource(),
    };
    const layer = createGridLayer(target, isDark);
    map.addLayer(layer);
    state.watch(['grid'], ({grid}) => layer.setVisible(grid), {now: true});
    state.watch(['theme', ...keys], () => layer.changed());
    onTile(() => state.get('grid') && layer.changed());
  });
}

function explain(error) {
  byId('panel-body').replaceChildren(
    h('p', {class: 'empty', role: 'alert'},
      `The catalog cannot be read. ${error.message}`),
    h('button', {type: 'button', class: 'button', onClick: start},
      'Try again'));
  byId('panel').hidden = false;
  document.body.classList.add('with-panel');
  byId('panel-title').textContent = 'Tilesets';
}

const mapView = createMapView();
initToggles(state);
initTheme(state);
initGrids(mapView);
initMapButtons(mapView, showAll);
initReadout(state, mapView, showAll);
initAttribution(state);
initShown(state, mapView);
initCompare(state, mapView);
initInspector(state, mapView);
const address = initAddress(state, mapView);
initPanels(state, {
  tilesets: catalogPanel(state), layers: layersPanel(state),
  compare: comparePanel(state), share: sharePanel(state, mapView),
  machine: machinePanel(),
});

async function start() {
  try {
    state.set({catalog: await loadCatalog()});
  } catch (error) {
    explain(error);
    return;
  }
  address.read();
  state.set({panel: WIDE.matches ? 'tilesets' : null});
  initUpdates(state);
}

start();
