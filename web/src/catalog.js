// The panel that lists every tileset as a card.
import {h} from './dom.js';
import {isVector} from './api.js';
import {bytes, count} from './format.js';
import {createQueue} from './patience.js';
import {drawThumb} from './thumbs.js';

const THUMB_PX = 176;
// Pictures come after the map: two at a time leave the server room for it.
const draw = createQueue(2);

const formatName = (tileset) => {
  const name = String(tileset.format ?? '').toLowerCase();
  return isVector(tileset) ? 'Vector' :
    {jpg: 'JPEG', jpeg: 'JPEG', webp: 'WebP'}[name] ?? name.toUpperCase();
};

const zooms = (t) => (t.minzoom === t.maxzoom ? `zoom ${t.minzoom}` :
  `zoom ${t.minzoom}–${t.maxzoom}`);

function facts(tileset) {
  const parts = [zooms(tileset)];
  if (Number.isFinite(tileset.bytes)) {
    parts.push(bytes(tileset.bytes).replace(' ', '\u00a0'));
  }
  if (Number.isFinite(tileset.tiles)) {
    parts.push(`${count(tileset.tiles)}\u00a0tiles`);
  }
  return parts.join(' · ');
}

function card(state, tileset) {
  const canvas = h('canvas', {width: THUMB_PX, height: THUMB_PX,
    class: 'thumb', 'aria-hidden': 'true'});
  const name = tileset.name || tileset.id;
  const button = h('button', {
    type: 'button', class: 'card', 'data-id': tileset.id,
    onClick: () => state.set({tilesetId: tileset.id}),
  }, canvas, h('span', {class: 'card-text'},
    h('span', {class: 'card-name'}, name),
    h('span', {class: 'card-facts'},
      h('span', {class: 'chip'}, formatName(tileset)), facts(tileset)),
    tileset.description && tileset.description !== name ?
      h('span', {class: 'card-about'}, tileset.description) : null));
  return {button, canvas, tileset};
}

/** Draws pictures only of the cards that come into sight. */
function lazyThumbs(cards, theme) {
  const watcher = new IntersectionObserver((entries) => {
    for (const {target, isIntersecting} of entries) {
      if (isIntersecting) {
        watcher.unobserve(target);
        const {tileset} = cards.find((c) => c.canvas === target);
        draw(() => drawThumb(target, tileset, theme))
          .then((ok) => target.classList.toggle('thumb-none', !ok))
          .catch(() => target.classList.add('thumb-none'));
      }
    }
  });
  cards.forEach(({canvas}) => watcher.observe(canvas));
  return watcher;
}

function filterBox(cards) {
  return h('input', {
    type: 'search', class: 'filter', placeholder: 'Filter by name',
    'aria-label': 'Filter tilesets by name',
    onInput: (event) => {
      const wanted = event.target.value.trim().toLowerCase();
      for (const {button, tileset} of cards) {
        const text = `${tileset.id} ${tileset.name ?? ''}`.toLowerCase();
        button.parentNode.hidden = !text.includes(wanted);
      }
    },
  });
}

/** Draws the cards into the panel. @returns a function that ends it */
function fill(state, body) {
  body.replaceChildren();
  const cards = state.get('catalog').map((t) => card(state, t));
  const total = state.get('catalog')
    .reduce((sum, t) => sum + (Number(t.bytes) || 0), 0);
  if (cards.length === 0) {
    body.append(h('p', {class: 'empty'}, 'No tileset is served yet.'));
  } else if (cards.length > 8) {
    body.append(filterBox(cards));
  }
  body.append(h('ul', {class: 'cards'},
    cards.map(({button}) => h('li', {}, button))));
  if (total > 0) {
    body.append(h('p', {class: 'note'}, `${count(cards.length)} ` +
      `tileset${cards.length === 1 ? '' : 's'}, ${bytes(total)}`));
  }
  const watcher = lazyThumbs(cards, state.get('theme'));
  const mark = ({tilesetId}) => cards.forEach(({button, tileset}) =>
    button.setAttribute('aria-current', String(tileset.id === tilesetId)));
  const unwatch = state.watch(['tilesetId'], mark, {now: true});
  return () => {
    unwatch();
    watcher.disconnect();
  };
}

/** The catalog panel; see chrome.js for what a panel is. */
export function catalogPanel(state) {
  return {
    title: 'Tilesets', short: 'Tilesets',
    open(body) {
      let end = () => {};
      const redraw = () => {
        end();
        end = fill(state, body);
      };
      const unwatch = state.watch(['catalog', 'theme'], redraw, {now: true});
      return () => {
        unwatch();
        end();
      };
    },
  };
}
