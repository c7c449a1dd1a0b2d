// The generated style: draws any vector tileset sensibly from what its layer
// names and attributes say. Styles are cached per class and zoom level.
import Circle from 'ol/style/Circle.js';
import Fill from 'ol/style/Fill.js';
import Stroke from 'ol/style/Stroke.js';
import Style from 'ol/style/Style.js';
import {cover, featureKind, layerKind, placeRank, roadClass}
  from './classify.js';
import {createLabeller, placeIsFar} from './labels.js';
import {resolutionToZoom} from './mercator.js';
import {nameColours, palette} from './palette.js';

// Drawing order from the ground up; gaps leave room inside a kind.
const Z = {
  region: 0, landuse: 2, landcover: 4, park: 6, water: 10, waterway: 12,
  coast: 13, aeroway: 14, contour: 16, building: 20, other: 24, path: 30,
  casing: 34, road: 40, rail: 60, boundary: 70, point: 80,
};

// Class: [level at which it is 1 pixel wide, growth per level, widest].
const ROAD = {
  motorway: [6.5, 1.24, 24], trunk: [7.2, 1.25, 22], primary: [8, 1.28, 20],
  secondary: [9.8, 1.34, 18], minor: [12.2, 1.48, 16],
  service: [13.8, 1.5, 8], path: [13.4, 1.22, 3], rail: [11.5, 1.2, 3],
  ferry: [10, 1.15, 2],
};
const RANK = ['service', 'minor', 'secondary', 'primary', 'trunk', 'motorway'];

/** Width in pixels, 0 where the class is too fine to be seen. */
export function roadWidth(name, zoom) {
  const [start, growth, widest] = ROAD[name];
  const levels = zoom - start;
  if (levels < -3.2) {
    return 0;
  }
  return levels < 0 ? Math.max(0.4, 1 + levels * 0.2) :
    Math.min(widest, growth ** levels);
}

const line = (color, width, zIndex, lineDash) => new Style({
  stroke: new Stroke({color, width, lineDash, lineCap: lineDash ? 'butt' :
    'round', lineJoin: 'round'}), zIndex,
});

const area = (color, zIndex, outline) => new Style({
  fill: new Fill({color}), zIndex,
  stroke: outline ? new Stroke({color: outline, width: 1}) : undefined,
});

function roadStyles(name, zoom, c) {
  const width = roadWidth(name, zoom);
  if (width === 0) {
    return [];
  }
  if (name === 'rail' || name === 'ferry') {
    return [line(c[name], width, Z.rail, name === 'ferry' ? [6, 5] : [])];
  }
  if (name === 'path') {
    return [line(c.path, width, Z.path, [width * 2.2, width * 1.6])];
  }
  const order = RANK.indexOf(name);
  const thin = width < 2.2;
  // Pale fills vanish as thin lines, so those have colours of their own.
  const color = thin && order < 4 ? c.thinRoad : c[name];
  const styles = [line(color, width, Z.road + order)];
  if (!thin) {
    const edge = order === 5 ? c.motorwayCasing : c.casing;
    styles.push(line(edge, width + (width > 6 ? 2 : 1.4), Z.casing));
  }
  return styles;
}

function areaStyles(kind, ground, name, zoom, c) {
  if (ground === 'water' || kind === 'water' || kind === 'waterway') {
    return [area(c.water, Z.water)];
  }
  if (kind === 'building') {
    return [area(c.building, Z.building, zoom > 14 ? c.buildingLine : null)];
  }
  if (kind === 'region') {
    return [area(c.region, Z.region, c.regionLine)];
  }
  if (kind === 'aeroway') {
    return [area(c.aeroway, Z.aeroway)];
  }
  if (kind === 'road') {
    return [area(c.service, Z.path, c.casing)];
  }
  if (['landcover', 'landuse', 'park'].includes(kind)) {
    const fallback = {landcover: 'grass', landuse: 'urban', park: 'grass'};
    return [area(c[ground ?? fallback[kind]], Z[kind])];
  }
  if (kind === 'boundary') {
    return [line(c.boundary, 1, Z.boundary)];
  }
  if (kind === 'contour') {
    return [line(c.contour, 0.7, Z.contour)];
  }
  if (kind === 'relief') {
    return [area(c.relief, Z.contour)];
  }
  const {fill, line: edge} = nameColours(name, c);
  return [area(fill, Z.other, edge)];
}

function lineStyles(kind, ground, name, zoom, c) {
  const grow = (start, most) =>
    Math.min(most, Math.max(0.6, 1.25 ** (zoom - start)));
  switch (kind) {
  case 'road':
  case 'rail':
    return roadStyles(ground, zoom, c);
  case 'water':
  case 'waterway':
    return [line(c.waterLine, grow(9, 5), Z.waterway)];
  case 'coast':
    return [line(c.coast, grow(6, 2), Z.coast)];
  case 'boundary':
  case 'region':
    return [line(c.boundary, grow(5, 2.4), Z.boundary, [7, 3, 2, 3])];
  case 'contour':
    return [line(c.contour, 0.7, Z.contour)];
  case 'aeroway':
    return [line(c.aeroway, roadWidth('secondary', zoom) || 0.6, Z.aeroway)];
  case 'building':
    return [line(c.buildingLine, 0.8, Z.building)];
  case 'roadlabel':
  case 'waterlabel':
    return [];
  default:
    return [line(nameColours(name, c).line, grow(9, 4), Z.other)];
  }
}

function pointStyles(kind, ground, name, zoom, c) {
  if (ground === 'far' || kind === 'boundary' || kind === 'building' ||
      ['waterlabel', 'roadlabel', 'housenumber', 'road'].includes(kind)) {
    return [];
  }
  const known = kind === 'place' || kind === 'poi';
  const color = known ? c.dot : nameColours(name, c).line;
  const radius = known ? 2.2 : Math.min(5, 2 + zoom / 6);
  return [new Style({zIndex: Z.point, image: new Circle({
    radius, fill: new Fill({color}), declutterMode: 'none',
    stroke: new Stroke({color: c.halo, width: 1}),
  })})];
}

/** The part of a feature that decides its style besides the layer. */
function groundOf(kind, type, zoom, get) {
  if (type === 'Point') {
    return kind === 'place' && placeIsFar(placeRank(get), zoom) ? 'far' : null;
  }
  if (kind === 'road' || kind === 'rail') {
    const found = roadClass(get);
    return kind === 'rail' && found === 'minor' ? 'rail' : found;
  }
  const grounds = ['landcover', 'landuse', 'park', 'other', 'region'];
  return type === 'Polygon' && grounds.includes(kind) ? cover(get) : null;
}

function build(type, kind, ground, name, zoom, c) {
  switch (type) {
  case 'Polygon':
    return areaStyles(kind, ground, name, zoom, c);
  case 'LineString':
    return lineStyles(kind, ground, name, zoom, c);
  default:
    return pointStyles(kind, ground, name, zoom, c);
  }
}

/**
 * @param {'light'|'dark'} theme
 * @param {function(string): boolean} isHidden tells layers switched off
 * @param {string} language two letters, for names
 * @returns a style function for OpenLayers
 */
export function createVectorStyle(theme, isHidden, language) {
  const colours = palette(theme);
  const cache = new Map();
  const kinds = new Map();
  const labelOf = createLabeller(colours, language);

  function kindOf(name) {
    if (!kinds.has(name)) {
      kinds.set(name, layerKind(name));
    }
    return kinds.get(name);
  }

  return (feature, resolution) => {
    const name = feature.get('layer');
    if (isHidden(name)) {
      return undefined;
    }
    const get = (key) => feature.get(key);
    const type = feature.getType().replace('Multi', '');
    const layer = kindOf(name);
    const kind = layer === 'other' ? featureKind(get) : layer;
    const zoom = Math.round(resolutionToZoom(resolution));
    const ground = groundOf(kind, type, zoom, get);
    const key = `${name}|${kind}|${type}|${ground}|${zoom}`;
    if (!cache.has(key)) {
      cache.set(key, build(type, kind, ground, name, zoom, colours));
    }
    const label = labelOf({kind, type, ground, zoom, get, feature,
      resolution});
    return label ? [...cache.get(key), label] : cache.get(key);
  };
}

/** Colour behind the features: water where the tileset draws the land. */
export function backgroundOf(info, theme) {
  const names = info.vectorLayers.map((layer) => layer.id);
  const drawsLand = names.some((name) => layerKind(name) === 'region') &&
    !names.some((name) => /ocean|^water/i.test(name));
  return palette(theme)[drawsLand ? 'sea' : 'ground'];
}
