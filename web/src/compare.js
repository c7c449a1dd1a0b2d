// Two tilesets at the same place: one swiped over the other, or side by side.
import {byId, h} from './dom.js';
import {announce} from './announce.js';

const STEP = 5; // percent per key press

function layOut(state, percent) {
  const on = Boolean(state.get('compareLayer'));
  const side = on && state.get('compareMode') === 'side';
  const second = byId('map-b');
  byId('stage').classList.toggle('side-by-side', side);
  second.hidden = !on;
  second.style.clipPath = on && !side ? `inset(0 0 0 ${percent}%)` : '';
  const divider = byId('divider');
  divider.hidden = !on || side;
  divider.style.left = `${percent}%`;
  divider.setAttribute('aria-valuenow', String(Math.round(percent)));
  for (const [id, key] of [['label-a', 'info'], ['label-b', 'compareInfo']]) {
    byId(id).hidden = !on;
    byId(id).textContent = state.get(key)?.name ?? '';
  }
}

function dragDivider(divider, moveTo) {
  divider.addEventListener('pointerdown', (event) => {
    event.preventDefault();
    divider.focus();
    divider.setPointerCapture(event.pointerId);
    const box = byId('stage').getBoundingClientRect();
    const follow = (move) =>
      moveTo((move.clientX - box.left) / box.width * 100);
    divider.addEventListener('pointermove', follow);
    divider.addEventListener('lostpointercapture', () =>
      divider.removeEventListener('pointermove', follow), {once: true});
  });
}

/** Lays the two maps out and moves the divider. */
export function initCompare(state, mapView) {
  const divider = byId('divider');
  let percent = 50;
  let mode = null;

  function moveTo(value) {
    percent = Math.min(98, Math.max(2, value));
    layOut(state, percent);
  }

  divider.addEventListener('keydown', (event) => {
    const moves = {ArrowLeft: percent - STEP, ArrowRight: percent + STEP,
      ArrowDown: percent - STEP, ArrowUp: percent + STEP, Home: 0, End: 100};
    if (event.key in moves) {
      event.preventDefault();
      moveTo(moves[event.key]);
    }
  });
  dragDivider(divider, moveTo);
  state.watch(['compareLayer', 'compareMode', 'info'], (now) => {
    layOut(state, percent);
    const shown = now.compareLayer ? now.compareMode : null;
    if (shown !== mode) {
      mode = shown;
      mapView.main.updateSize();
    }
    if (now.compareLayer) {
      mapView.secondMap().updateSize();
    }
  });
}

function choice(state) {
  const select = h('select', {class: 'select', id: 'compare-with',
    onChange: () => state.set({compareId: select.value || null})},
  h('option', {value: ''}, 'Nothing'),
  state.get('catalog').filter((t) => t.id !== state.get('tilesetId'))
    .map((t) => h('option', {value: t.id}, t.name || t.id)));
  select.value = state.get('compareId') ?? '';
  return select;
}

function modeButtons(state) {
  const radio = (value, text) => h('label', {class: 'radio'},
    h('input', {type: 'radio', name: 'compare-mode', value,
      checked: state.get('compareMode') === value,
      onChange: () => state.set({compareMode: value})}), text);
  return h('fieldset', {class: 'radios'}, h('legend', {}, 'Arrangement'),
    radio('swipe', 'Swipe'), radio('side', 'Side by side'));
}

function swap(state) {
  const {a, b} = {a: state.get('tilesetId'), b: state.get('compareId')};
  if (b) {
    state.set({tilesetId: b, compareId: a});
    announce('Swapped');
  }
}

/** The comparison panel; see chrome.js for what a panel is. */
export function comparePanel(state) {
  return {
    title: 'Compare', short: 'Compare',
    open(body) {
      const draw = () => body.replaceChildren(
        h('p', {class: 'note'}, 'Puts a second tileset over ',
          h('strong', {}, state.get('info')?.name ?? 'the first'),
          ' at the same place.'),
        h('label', {for: 'compare-with', class: 'label'}, 'Compare with'),
        choice(state), modeButtons(state),
        h('div', {class: 'row'},
          h('button', {type: 'button', class: 'button',
            disabled: !state.get('compareId'), onClick: () => swap(state)},
          'Swap'),
          h('button', {type: 'button', class: 'button',
            disabled: !state.get('compareId'),
            onClick: () => state.set({compareId: null})}, 'Stop')));
      return state.watch(['info', 'compareId'], draw, {now: true});
    },
  };
}
