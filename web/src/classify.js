// Guesses what a vector layer or feature is from its name and attributes.
// Covers the usual schemas (OpenMapTiles, Shortbread, Protomaps, Mapbox
// Streets, Natural Earth, plain OSM tags) without knowing any by name.

// The first pattern that fits a layer's name wins.
const KINDS = [
  ['housenumber', /house_?num|addr/],
  ['roadlabel', /(road|street|transportation|highway)\w*_?(label|name|ref)/],
  ['waterlabel', /(water|marine|ocean|river)\w*_?(label|name)/],
  ['place', /place|(country|state|settlement|city|town)_?label|^cit(y|ies)/],
  ['place', /town|village|capital|populated|settlement/],
  ['poi', /(^|_)pois?(_|$)|amenit|shop|peak|mountain_?label|touris|airport_?label/],
  ['poi', /station|stop/],
  ['boundary', /boundar|border|^admin$|admin_?\d*_?(line|bound)/],
  ['waterway', /waterway|river|stream|canal|ditch/],
  ['coast', /coast/],
  ['water', /water|ocean|^sea|lake|reservoir|lagoon/],
  ['building', /building|house|footprint/],
  ['rail', /rail|transit|tram/],
  ['road', /road|street|highway|transport|motorway|tunnel|bridge|path/],
  ['road', /^ways$|aerialway|ferr/],
  ['aeroway', /aeroway|airport|runway/],
  ['landcover', /land_?cover|forest|wood|glacier|ice|vegetation|natural/],
  ['park', /park|reserve|protected/],
  ['landuse', /land_?use|urban|industrial|residential|site/],
  ['relief', /hillshade|relief/],
  ['contour', /contour|isoline|graticule|grid/],
  ['region', /land|earth|countr|state|provinc|count(y|ies)|admin|region/],
  ['region', /district|municipal|nuts|zone/],
];

/** What a layer of this name holds; 'other' when the name says nothing. */
export function layerKind(name) {
  const plain = String(name).toLowerCase();
  const found = KINDS.find(([, pattern]) => pattern.test(plain));
  return found ? found[0] : 'other';
}

// In a layer of plain OSM features the tags tell; the first that is set wins.
const TAGS = [
  ['road', ['highway', 'aerialway']], ['rail', ['railway']],
  ['waterway', ['waterway']], ['building', ['building']],
  ['aeroway', ['aeroway']], ['place', ['place']],
  ['landcover', ['landuse', 'natural', 'leisure']],
  ['boundary', ['admin_level', 'boundary']],
  ['poi', ['amenity', 'shop', 'tourism', 'historic', 'office']],
];

const isSet = (value) => value !== undefined && value !== null && value !== '';

/** Kind of one feature whose layer's name says nothing. */
export function featureKind(get) {
  const found = TAGS.find(([, keys]) => keys.some((key) => isSet(get(key))));
  return found ? found[0] : 'other';
}

const ROADS = [
  ['motorway', /^motorway(_link)?$|^highway$|^freeway$/],
  ['trunk', /^trunk(_link)?$|^main$|^major_road$/],
  ['primary', /^primary(_link)?$/],
  ['secondary', /^(secondary|tertiary)(_link)?$|^medium_road$/],
  ['rail', /rail|tram|subway|funicular|monorail|narrow_gauge/],
  ['ferry', /ferry/],
  ['service', /service|driveway|parking_aisle|alley|raceway|construction/],
  ['path', /path|footway|cycleway|bridleway|steps|pedestrian|track|other/],
  ['path', /corridor|sidewalk|crossing|proposed/],
];

/** Class of a road from most to least important; 'minor' by default. */
export function roadClass(get) {
  const named = ['highway', 'class', 'kind', 'pmap:kind', 'fclass', 'type'];
  for (const key of [...named, 'railway', 'subclass']) {
    const value = get(key);
    if (typeof value !== 'string' || value === '') {
      continue;
    }
    const found = ROADS.find(([, pattern]) => pattern.test(value));
    if (found) {
      return found[0];
    }
  }
  return get('railway') ? 'rail' : 'minor';
}

const COVERS = [
  ['ice', /glacier|ice|snow/],
  ['wood', /wood|forest|scrub|tree|orchard|vineyard/],
  ['sand', /sand|beach|dune|desert|rock|bare/],
  ['wetland', /wetland|swamp|marsh|bog|mud/],
  ['grass', /grass|meadow|park|garden|pitch|golf|cemetery|recreation|green/],
  ['grass', /farm|crop|heath|village_green|nature|reserve|zoo|camp/],
  ['industry', /industr|commerc|retail|railway|quarry|landfill|military/],
  ['civic', /school|hospital|universi|college|kindergarten|civic/],
  ['urban', /residen|urban|suburb|neighbou?rhood/],
  ['water', /^(water|ocean|sea|lake|river|bay|pond|basin|reservoir)/],
  ['water', /^(marina|harbour|dock|strait)/],
];

/** Ground cover of an area feature, or null when nothing says. */
export function cover(get) {
  const keys = ['subclass', 'class', 'kind', 'pmap:kind', 'landuse',
    'natural', 'leisure', 'type', 'fclass', 'featurecla', 'amenity'];
  for (const key of keys) {
    const value = get(key);
    const found = typeof value === 'string' &&
      COVERS.find(([, pattern]) => pattern.test(value.toLowerCase()));
    if (found) {
      return found[0];
    }
  }
  return null;
}

/** The name to print, in the reader's language where the data has it. */
export function featureName(get, language) {
  const keys = [`name:${language}`, `name_${language}`, 'name', 'name:latin',
    'NAME', 'Name', 'name_en', 'NAME_EN', 'nom', 'label'];
  for (const key of keys) {
    const value = get(key);
    if (value !== undefined && value !== null && value !== '') {
      return String(value);
    }
  }
  return '';
}

const PLACE_RANK = {
  continent: 0, country: 1, state: 3, province: 3, region: 3, city: 4,
  town: 7, suburb: 9, village: 10, quarter: 10, neighbourhood: 11,
  neighborhood: 11, hamlet: 12, locality: 12, isolated_dwelling: 13,
};

/** Importance of a place, 0 the greatest, about 13 the least. */
export function placeRank(get) {
  for (const key of ['scalerank', 'SCALERANK', 'rank', 'labelrank']) {
    const value = get(key);
    if (typeof value === 'number') {
      return Math.min(13, Math.max(0, value + 1));
    }
  }
  for (const key of ['class', 'place', 'kind', 'type', 'pmap:kind']) {
    const rank = PLACE_RANK[get(key)];
    if (rank !== undefined) {
      return rank;
    }
  }
  const people = Number(get('population') ?? get('pop_max') ?? get('POP_MAX'));
  return people > 0 ? Math.max(2, Math.round(13 - Math.log10(people) * 1.6)) :
    8;
}
