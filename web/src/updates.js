// Notices that a tileset has a new generation, or that there are new ones.
import {loadCatalog} from './api.js';
import {onTile} from './tiles.js';

const PERIOD_MS = 30000;
const GONE = 410; // the pinned generation is no longer kept

const signature = (catalog) =>
  catalog.map((t) => `${t.id}@${t.generation}`).join();

/** Loads the catalog now and then, and at once when a generation is gone. */
export function initUpdates(state) {
  let asking = false;

  async function look() {
    if (asking || document.hidden) {
      return;
    }
    asking = true;
    try {
      const catalog = await loadCatalog();
      if (signature(catalog) !== signature(state.get('catalog'))) {
        state.set({catalog});
      }
    } catch {
      // The server is away; the tiles that are here stay, the next look comes.
    } finally {
      asking = false;
    }
  }

  setInterval(look, PERIOD_MS);
  document.addEventListener('visibilitychange', look);
  onTile(({status}) => status === GONE && look());
}
