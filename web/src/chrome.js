// The frame around the map: tool buttons, one panel at a time, toggles.
import {byId, h} from './dom.js';
import {icon} from './icons.js';
import {announce} from './announce.js';

function toolButton(name, text, props) {
  return h('button', {type: 'button', class: 'tool', ...props},
    icon(name), h('span', {class: 'tool-name'}, text));
}

/**
 * @param panels {name: {title, short, open(body) -> optional close()}}
 * A panel is built when it opens and thrown away when it closes.
 */
export function initPanels(state, panels) {
  const panel = byId('panel');
  const body = byId('panel-body');
  const buttons = new Map();
  let close = null;

  for (const [name, {short, title}] of Object.entries(panels)) {
    const button = toolButton(name, short, {
      id: `tab-${name}`, 'aria-expanded': 'false', 'aria-controls': 'panel',
      'aria-label': title,
      onClick: () => state.set({
        panel: state.get('panel') === name ? null : name,
      }),
    });
    buttons.set(name, button);
    byId('tabs').append(button);
  }

  function show({panel: name}) {
    close?.();
    close = null;
    body.replaceChildren();
    for (const [key, button] of buttons) {
      button.setAttribute('aria-expanded', String(key === name));
    }
    panel.hidden = !name;
    document.body.classList.toggle('with-panel', Boolean(name));
    if (name) {
      panel.dataset.panel = name;
      byId('panel-title').textContent = panels[name].title;
      close = panels[name].open(body) ?? null;
      body.scrollTop = 0;
      announce(`${panels[name].title} opened`);
    }
  }

  function shut() {
    const name = state.get('panel');
    if (name) {
      state.set({panel: null});
      buttons.get(name).focus();
    }
  }

  byId('panel-close').append(icon('close'));
  byId('panel-close').addEventListener('click', shut);
  panel.addEventListener('keydown', (event) => {
    if (event.key === 'Escape') {
      shut();
    }
  });
  state.watch(['panel'], show, {now: true});
}

/** The buttons that switch something on the map. */
export function initToggles(state) {
  const grid = toolButton('grid', 'Grid', {
    id: 'toggle-grid', 'aria-pressed': 'false', 'aria-label': 'Tile grid',
    onClick: () => {
      state.set({grid: !state.get('grid')});
      announce(state.get('grid') ? 'Tile grid on' : 'Tile grid off');
    },
  });
  const theme = toolButton('dark', 'Dark', {id: 'toggle-theme'});
  byId('toggles').append(grid, theme);
  state.watch(['grid'], (now) =>
    grid.setAttribute('aria-pressed', String(now.grid)), {now: true});
}

/** Zoom buttons, skip link. */
export function initMapButtons(mapView, showAll) {
  const wire = (id, name, action) => {
    byId(id).append(icon(name));
    byId(id).addEventListener('click', action);
  };
  wire('zoom-in', 'plus', () => mapView.zoomBy(1));
  wire('zoom-out', 'minus', () => mapView.zoomBy(-1));
  wire('zoom-all', 'home', showAll);
  byId('skip').addEventListener('click', () => byId('map').focus());
}
