// The icons, drawn for this project. Each is a badge of 20 x 20 with a white
// drawing on it; its name is a `class` of docs/vector.md, so that a style finds
// the icon of a feature without a table.
const BLUE = '#2f6db5';
const BROWN = '#8a5a2b';
const GREEN = '#3c7d43';
const GREY = '#5c6773';
const ORANGE = '#c2571a';
const PURPLE = '#7d4e9e';
const RED = '#c0392b';

const badge = (colour, drawing) =>
  `<circle cx="10" cy="10" r="9" fill="${colour}" stroke="#fff"/>` +
  `<g fill="none" stroke="#fff" stroke-width="1.6" stroke-linecap="round" ` +
  `stroke-linejoin="round">${drawing}</g>`;
const solid = (path) => `<path fill="#fff" stroke="none" d="${path}"/>`;
const line = (path) => `<path d="${path}"/>`;
const spot = (colour, radius, inner) =>
  `<circle cx="10" cy="10" r="${radius}" fill="#fff" stroke="${colour}" ` +
  `stroke-width="1.6"/>` +
  `<circle cx="10" cy="10" r="${inner}" fill="${colour}"/>`;

export const icons = {
  airport: badge(BLUE, solid('M9.2 4h1.6v4l5 3v1.4l-5-1.4v3l1.6 1.2V16L10 ' +
    '15.3 7.6 16v-.8L9.2 14v-3l-5 1.4V11l5-3z')),
  attraction: badge(PURPLE, solid('M10 4.4l1.6 3.5 3.9.4-2.9 2.6.8 3.8L10 ' +
    '12.8l-3.4 1.9.8-3.8-2.9-2.6 3.9-.4z')),
  bus_stop: badge(BLUE, solid('M6 5h8v8.6h-1V15h-1.6v-1.4H8.6V15H7v-1.4H6zM' +
    '7.2 6.4v3.2h5.6V6.4z')),
  city: spot('#333', 4.6, 2.2),
  country: spot('#333', 0, 0),
  culture: badge(PURPLE, solid('M10 4.4l5.4 2.8v1H4.600v-1zM5.6 9h1.6v4.2' +
    'H5.600zM9.2 9h1.600v4.200H9.2zM12.8 9h1.600v4.200h-1.600zM4.6 14h10.8' +
    'v1.400H4.600z')),
  dot: '<circle cx="10" cy="10" r="2.6" fill="#555" stroke="#fff"/>',
  education: badge(BROWN, solid('M10 5l6.2 2.800L10 10.6 3.8 7.800zM6.2 ' +
    '10l3.8 1.8 3.8-1.800v2.600c-1 1.2-2.4 1.8-3.8 1.800s-2.8' +
    '-.6-3.8-1.800z')),
  food: badge(ORANGE, line('M7 5v3.200M5.6 5v2.400q0 1.4 1.4 1.400t1.4' +
    '-1.400V5M7 9v6M13 15V5q-2 1.2-2 4.4 0 1 2 1.2')),
  fuel: badge(GREY, solid('M5.6 5h5.800v10H5.600zM6.8 6.200v2.600h3.400V6.200z') +
    line('M11.4 11q2-.4 2 1.400v1q.2.8 1 .4V8.200l-1.6-1.6')),
  harbour: badge(BLUE, line('M10 7.400V15M7.6 9h4.800M5.2 11.400q.6 3.4 4.8' +
    ' 3.8 4.2-.4 4.8-3.8') + '<circle cx="10" cy="6" r="1.4"/>'),
  hamlet: spot('#555', 2.6, 0),
  health: badge(RED, line('M10 6v8M6 10h8')),
  hospital: badge(RED, line('M7.2 6v8M12.8 6v8M7.2 10h5.6')),
  island: spot('#333', 0, 0),
  lodging: badge(PURPLE, line('M5 6v8M5 12.400h10V14M15 12.400v-1.600q0-1.4-1.4' +
    '-1.400H9.200v3M6.8 10.400h.2')),
  money: badge(GREY, line('M12.6 7.200Q11.8 6.4 10 6.400t-2.2 1.8 2.2 ' +
    '1.8 2.2 1.8-2.2 1.8-2.6-.8M10 5v10')),
  pass: badge(BROWN, line('M5 14q2.6-1 2.6-4T5 6M15 14q-2.6-1-2.6-4T15 6')),
  peak: '<path d="M10 4.500l5.5 10h-11z" fill="#8a5a2b" stroke="#fff" ' +
    'stroke-linejoin="round"/>',
  public: badge(GREY, line('M7 15V5M7 5.600h6.400l-1.6 2 1.6 2H7')),
  shop: badge(ORANGE, solid('M5.6 7.600h8.800l.6 7.400H5z') +
    line('M7.8 8V7q0-2 2.2-2t2.2 2v1')),
  state: spot('#333', 0, 0),
  station: badge(BLUE, solid('M7.4 4.600h5.200q1.4 0 1.4 1.400v6q0 1.4-1.4' +
    ' 1.400H7.400Q6 13.4 6 12V6q0-1.4 1.4-1.400zM7.4 6.200v3h5.200v-3z') +
    line('M7.6 13.600L6.4 15.400M12.4 13.600l1.2 1.8')),
  town: spot('#333', 3.8, 1.6),
  village: spot('#444', 3.2, 0),
  worship: badge(GREY, line('M10 5v10M7 8.200h6')),
};
for (const name of ['country', 'island', 'state']) {
  // Areas: their name alone, no mark where it happens to lie.
  icons[name] = '';
}

export const sheetSvg = (name) =>
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 20 20">${
    icons[name]}</svg>`;
