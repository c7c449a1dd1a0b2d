// Map colours for both themes. Every text colour has a contrast of at least
// 4.5 : 1 with the grounds that it stands on.

const LIGHT = {
  ground: '#f3f1ec', sea: '#bfd7e6', water: '#bfd7e6', waterLine: '#8fb7d1',
  region: '#f3f1ec', regionLine: '#b9b2a6', coast: '#7ea6c0',
  wood: '#cfdfc0', grass: '#dfe9d0', sand: '#efe5cb', ice: '#fbfdfe',
  wetland: '#d3e2da', industry: '#e8e3e6', civic: '#efe6dc', urban: '#ebe7e0',
  building: '#ddd6cb', buildingLine: '#c8beb0', aeroway: '#e1dfe4',
  motorway: '#e79a68', trunk: '#f0bd86', primary: '#f6d8a4',
  secondary: '#fdf0c9', minor: '#ffffff', service: '#ffffff',
  path: '#b9a58e', rail: '#a39d96', ferry: '#7ea6c0',
  casing: '#cfc6b8', thinRoad: '#cfc6b8', motorwayCasing: '#c2703c', boundary: '#94769b',
  contour: '#c9b596', relief: 'rgba(90,80,60,.05)', text: '#2c343c', halo: 'rgba(255,255,255,.88)',
  waterText: '#2d5f83', poi: '#6b4a2b', dot: '#8c3a14', select: '#c2410c',
  hueLight: 46, hueFill: 0.22,
};

const DARK = {
  ground: '#1d2329', sea: '#0f2432', water: '#12293a', waterLine: '#24506d',
  region: '#1d2329', regionLine: '#4a525b', coast: '#2f6385',
  wood: '#1f2f27', grass: '#232f28', sand: '#322e24', ice: '#39444c',
  wetland: '#1c3030', industry: '#27262d', civic: '#2c2926', urban: '#23282e',
  building: '#2f363d', buildingLine: '#414a53', aeroway: '#2d3038',
  motorway: '#b86a38', trunk: '#94683c', primary: '#7d6a42',
  secondary: '#5d5a47', minor: '#454d56', service: '#3a424a',
  path: '#5c5346', rail: '#58606a', ferry: '#2f6385',
  casing: '#14191e', thinRoad: '#49525b', motorwayCasing: '#14191e', boundary: '#8f7399',
  contour: '#4b4436', relief: 'rgba(255,255,255,.02)', text: '#e3e7ea', halo: 'rgba(14,18,22,.86)',
  waterText: '#8fc1e2', poi: '#d3b594', dot: '#f0a57a', select: '#ffb37a',
  hueLight: 62, hueFill: 0.2,
};

export const palette = (theme) => (theme === 'dark' ? DARK : LIGHT);

/** A steady hue for a name, spread so that neighbours differ. */
export function hueOf(name) {
  let hash = 7;
  for (const char of String(name)) {
    hash = (hash * 31 + char.codePointAt(0)) % 9973;
  }
  return Math.round((hash * 137.508) % 360);
}

/** Line and fill colours for a layer that no rule knows. */
export function nameColours(name, colours) {
  const hue = hueOf(name);
  const at = (alpha) => `hsla(${hue},55%,${colours.hueLight}%,${alpha})`;
  return {line: at(0.9), fill: at(colours.hueFill)};
}

/** The colour that stands for a kind of layer in the layer list. */
export function kindColour(kind, name, colours) {
  const keys = {
    water: 'waterLine', waterway: 'waterLine', coast: 'coast',
    waterlabel: 'waterText', landcover: 'wood', park: 'grass',
    landuse: 'urban', building: 'buildingLine', road: 'motorway',
    roadlabel: 'text', rail: 'rail', aeroway: 'aeroway',
    boundary: 'boundary', region: 'regionLine', contour: 'contour',
    place: 'text', poi: 'poi', housenumber: 'text',
  };
  return keys[kind] ? colours[keys[kind]] : nameColours(name, colours).line;
}
