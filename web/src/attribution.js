// The credits that map makers ask to be shown. They come from a tileset's
// metadata and may hold HTML: text and links are kept, nothing else.
import {byId, h} from './dom.js';

function safeHref(text) {
  try {
    const url = new URL(text, location.href);
    return ['http:', 'https:'].includes(url.protocol) ? url.href : null;
  } catch {
    return null;
  }
}

function keepSafe(node) {
  if (node.nodeType === Node.TEXT_NODE) {
    return [node.textContent];
  }
  if (node.nodeType !== Node.ELEMENT_NODE ||
      ['SCRIPT', 'STYLE'].includes(node.tagName)) {
    return [];
  }
  const inner = [...node.childNodes].flatMap(keepSafe);
  const href = node.tagName === 'A' && safeHref(node.getAttribute('href'));
  return href ? [h('a', {href, target: '_blank',
    rel: 'noopener noreferrer'}, inner)] : inner;
}

/** @returns {Array} text and link nodes for credits that may contain HTML */
export function creditNodes(html) {
  // A parsed document is inert: nothing in it loads or runs.
  const parsed = new DOMParser().parseFromString(html, 'text/html');
  return [...parsed.body.childNodes].flatMap(keepSafe);
}

/** Keeps the credits of what is shown at the map's edge. */
export function initAttribution(state) {
  state.watch(['info', 'compareInfo'], ({info, compareInfo}) => {
    const credits = [info, compareInfo].map((i) => i?.attribution ?? '')
      .filter((text, i, all) => text && all.indexOf(text) === i);
    const nodes = credits.flatMap((text, i) =>
      [i > 0 ? ' · ' : '', ...creditNodes(text)]);
    byId('attribution').replaceChildren(...nodes);
  });
}
