// Names on the map. OpenLayers leaves out those that would collide; the
// z-index decides who stays (the higher one).
import Fill from 'ol/style/Fill.js';
import Stroke from 'ol/style/Stroke.js';
import Style from 'ol/style/Style.js';
import Text from 'ol/style/Text.js';
import {featureName, placeRank} from './classify.js';

const FAMILY = 'system-ui, -apple-system, "Segoe UI", Roboto, sans-serif';
// First level at which names of a road class are printed along it.
const ROAD_FROM = {motorway: 10, trunk: 11, primary: 12, secondary: 13,
  minor: 14.5, service: 16, path: 16, rail: 16, ferry: 13};

function text(options, colours, zIndex) {
  return new Style({zIndex, text: new Text({
    overflow: false, padding: [2, 3, 2, 3],
    fill: new Fill({color: options.color}),
    stroke: new Stroke({color: colours.halo, width: 3}),
    ...options,
  })});
}

/** Small places wait until the map is near enough to have room for them. */
export const placeIsFar = (rank, zoom) => rank > zoom + 1.5;

function placeLabel(get, zoom, name, c) {
  const rank = placeRank(get);
  if (placeIsFar(rank, zoom)) {
    return null;
  }
  const size = Math.max(11, Math.min(19, 15 - rank * 0.7 + zoom * 0.35));
  const weight = rank <= 4 ? 600 : 500;
  return text({text: name, font: `${weight} ${size.toFixed(1)}px ${FAMILY}`,
    color: c.text, offsetY: -size * 0.8}, c, 200 - rank);
}

function lineLabel(name, size, color, c, zIndex) {
  return text({text: name, font: `500 ${size}px ${FAMILY}`, color,
    placement: 'line', maxAngle: Math.PI / 5, repeat: 320}, c, zIndex);
}

function pointLabel(kind, get, zoom, name, c) {
  if (kind === 'place' || kind === 'region') {
    return placeLabel(get, zoom, name, c);
  }
  if (kind === 'waterlabel') {
    return text({text: name, font: `italic 500 12px ${FAMILY}`,
      color: c.waterText}, c, 120);
  }
  if (kind === 'housenumber') {
    return zoom < 17 ? null : text({text: String(get('housenumber') ?? name),
      font: `10px ${FAMILY}`, color: c.poi}, c, 90);
  }
  const near = kind === 'poi' ? 14 : 4;
  return zoom < near ? null : text({text: name, font: `500 11px ${FAMILY}`,
    color: kind === 'poi' ? c.poi : c.text, offsetY: -11}, c, 100);
}

function alongLabel(kind, ground, zoom, name, c) {
  if (kind === 'road' || kind === 'roadlabel') {
    const from = ROAD_FROM[ground ?? 'minor'] ?? 14;
    return zoom < from ? null : lineLabel(name, 11, c.text, c, 110);
  }
  if (kind === 'waterway' || kind === 'waterlabel') {
    return zoom < 8 ? null : lineLabel(name, 11, c.waterText, c, 105);
  }
  return null;
}

function areaLabel(kind, zoom, name, c) {
  if (kind === 'region') {
    return zoom < 3 ? null : text({text: name, font: `600 12px ${FAMILY}`,
      color: c.text}, c, 115);
  }
  const fits = {water: 9, park: 12, building: 17}[kind];
  return fits === undefined || zoom < fits ? null : text({text: name,
    font: `${kind === 'water' ? 'italic ' : ''}500 11px ${FAMILY}`,
    color: kind === 'water' ? c.waterText : c.text}, c, 95);
}

const NEAR_PX = 420; // one name of an area within this distance is enough
const MOST_NAMES = 4000; // remembered before all are forgotten

/**
 * Tiles cut an area into pieces and each would carry its name. This tells
 * which pieces do: the first one met, and those far enough from it.
 */
function createPieceFilter() {
  const places = new Map();
  return (name, feature, resolution) => {
    const [west, south, east, north] = feature.getExtent();
    const [x, y] = [(west + east) / 2, (south + north) / 2];
    const key = `${name}|${resolution}`;
    const known = places.get(key) ?? [];
    const reach = NEAR_PX * resolution;
    if (known.some((p) => p.x === x && p.y === y)) {
      return true; // the same piece, drawn again
    }
    if (known.some((p) => Math.hypot(p.x - x, p.y - y) < reach)) {
      return false;
    }
    if (places.size > MOST_NAMES) {
      places.clear();
    }
    places.set(key, [...known, {x, y}]);
    return true;
  };
}

/** @returns a function from {kind, type, ground, zoom, get, feature,
 * resolution} to a Style, or to null where there is nothing to print */
export function createLabeller(colours, language) {
  const isFirstPiece = createPieceFilter();
  return ({kind, type, ground, zoom, get, feature, resolution}) => {
    const name = kind === 'housenumber' ? 'n' : featureName(get, language);
    if (!name) {
      return null;
    }
    if (type === 'Point') {
      return pointLabel(kind, get, zoom, name, colours);
    }
    if (type === 'LineString') {
      return alongLabel(kind, ground, zoom, name, colours);
    }
    const label = areaLabel(kind, zoom, name, colours);
    return label && isFirstPiece(name, feature, resolution) ? label : null;
  };
}
