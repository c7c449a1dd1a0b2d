// Keeps the part of the address after '#' and the page in step, both ways.
import {formatHash, parseHash} from './hash.js';
import {findTileset} from './shown.js';

function currentHash(state, mapView) {
  return formatHash({
    id: state.get('tilesetId'), position: mapView.position(),
    grid: state.get('grid'), compare: state.get('compareId'),
    mode: state.get('compareMode'),
  });
}

/** What the address asks for, as a patch for the state. */
function wanted(state) {
  const hash = parseHash(location.hash);
  const known = findTileset(state, hash.id);
  const first = state.get('catalog')[0];
  return {
    tilesetId: (known ?? first)?.id ?? null,
    wantedPosition: known ? hash.position : null,
    grid: hash.grid,
    compareId: findTileset(state, hash.compare)?.id ?? null,
    compareMode: hash.mode,
  };
}

/** @returns a function that writes the address now */
export function initAddress(state, mapView) {
  let written = null;

  function write() {
    const hash = currentHash(state, mapView);
    if (hash && hash !== location.hash && mapView.view.get('placed')) {
      written = hash;
      history.replaceState(null, '', hash);
    }
  }

  function read() {
    if (location.hash === written) {
      return;
    }
    const patch = wanted(state);
    const same = patch.tilesetId === state.get('tilesetId');
    state.set(patch);
    if (same && patch.wantedPosition) {
      mapView.moveTo(patch.wantedPosition);
      state.set({wantedPosition: null});
    }
  }

  window.addEventListener('hashchange', read);
  mapView.main.on('moveend', write);
  state.watch(['grid', 'compareId', 'compareMode', 'info'], write);
  return {read, write};
}
