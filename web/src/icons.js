// Line icons on a 24-unit grid, drawn with the current text colour.
import {svg} from './dom.js';

const PATHS = {
  tilesets: 'M3 8l9-5 9 5-9 5zM3 12l9 5 9-5M3 16l9 5 9-5',
  layers: 'M4 6h2M9 6h11M4 12h2M9 12h11M4 18h2M9 18h11',
  compare: 'M4 5h6v14H4zM14 5h6v14h-6zM12 3v18',
  share: 'M9 8l-5 4 5 4M15 8l5 4-5 4M13 5l-2 14',
  machine: 'M3 12h4l3-8 4 16 3-8h4',
  grid: 'M4 4h16v16H4zM4 12h16M12 4v16',
  light: 'M12 8a4 4 0 100 8 4 4 0 000-8M12 2v3M12 19v3M2 12h3M19 12h3' +
    'M5 5l2 2M17 17l2 2M5 19l2-2M17 7l2-2',
  dark: 'M20 14.5A8.5 8.5 0 119.5 4a7 7 0 0010.5 10.5z',
  plus: 'M12 5v14M5 12h14',
  minus: 'M5 12h14',
  home: 'M4 9V4h5M20 9V4h-5M4 15v5h5M20 15v5h-5',
  close: 'M6 6l12 12M18 6L6 18',
  copy: 'M9 9h11v11H9zM5 15H4V4h11v1',
  check: 'M5 12.5l4.5 4.5L19 7.5',
  previous: 'M15 5l-7 7 7 7',
  next: 'M9 5l7 7-7 7',
};

export function icon(name) {
  return svg('svg', {
    viewBox: '0 0 24 24', class: 'icon', 'aria-hidden': 'true',
    focusable: 'false',
  }, svg('path', {d: PATHS[name]}));
}
