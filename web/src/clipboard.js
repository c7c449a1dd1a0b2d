// Copying text. Browsers offer navigator.clipboard on https and localhost
// alone; a map server on a LAN speaks plain http, so there is an older way.
import {announce} from './announce.js';
import {h} from './dom.js';
import {icon} from './icons.js';

function copyBySelection(text) {
  const area = h('textarea', {class: 'quiet', readOnly: true,
    'aria-hidden': 'true'});
  area.value = text;
  document.body.append(area);
  const before = document.activeElement;
  area.select();
  let done = false;
  try {
    done = document.execCommand('copy');
  } catch {
    done = false;
  }
  area.remove();
  before?.focus?.();
  return done;
}

/** @returns {Promise<boolean>} whether the text is on the clipboard */
export async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyBySelection(text);
  }
}

/** A button that copies what `getText` returns and says so. */
export function copyButton(label, getText) {
  const button = h('button', {type: 'button', class: 'copy',
    'aria-label': `Copy ${label}`, title: `Copy ${label}`,
    onClick: async () => {
      const done = await copyText(getText());
      button.replaceChildren(icon(done ? 'check' : 'copy'));
      announce(done ? `${label} copied` :
        `${label} could not be copied; it is selected, copy it by hand`);
      setTimeout(() => button.replaceChildren(icon('copy')), 1600);
    }}, icon('copy'));
  return button;
}
