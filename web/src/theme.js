// Light and dark: the system's choice until the reader makes one.
import {byId} from './dom.js';
import {icon} from './icons.js';
import {announce} from './announce.js';

const KEY = 'imbrex-theme';
const dark = matchMedia('(prefers-color-scheme: dark)');

function stored() {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null; // storage is refused in some private windows
  }
}

function store(theme) {
  try {
    localStorage.setItem(KEY, theme);
  } catch {
    // The choice then lasts as long as the page.
  }
}

/** Keeps state.theme, the document and the button in step. */
export function initTheme(state) {
  const system = () => (dark.matches ? 'dark' : 'light');
  const chosen = stored();
  const button = byId('toggle-theme');

  state.watch(['theme'], ({theme}) => {
    document.documentElement.dataset.theme = theme;
    const other = theme === 'dark' ? 'light' : 'dark';
    button.querySelector('svg').replaceWith(icon(other));
    button.querySelector('.tool-name').textContent =
      other === 'dark' ? 'Dark' : 'Light';
    button.setAttribute('aria-label', `Switch to ${other} colours`);
  });
  dark.addEventListener('change', () => {
    if (!stored()) {
      state.set({theme: system()});
    }
  });
  button.addEventListener('click', () => {
    const theme = state.get('theme') === 'dark' ? 'light' : 'dark';
    store(theme);
    state.set({theme});
    announce(`${theme} colours`);
  });
  state.set({theme: chosen === 'dark' || chosen === 'light' ? chosen :
    system()});
}
