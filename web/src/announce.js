// Says what changed to those who cannot see it, and shows short notices.
import {byId} from './dom.js';

let timer = 0;

/** Speaks `text` through the polite live region. */
export function announce(text) {
  byId('live').textContent = text;
}

/** Shows `text` over the map for a few seconds and speaks it. */
export function notice(text, ms = 4000) {
  const box = byId('notice');
  box.textContent = text;
  box.hidden = false;
  announce(text);
  clearTimeout(timer);
  timer = setTimeout(() => {
    box.hidden = true;
  }, ms);
}
