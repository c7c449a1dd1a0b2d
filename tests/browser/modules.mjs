// The page's arithmetic and guesses, as tables; no browser is needed.
import assert from 'node:assert/strict';
import path from 'node:path';
import {pathToFileURL} from 'node:url';

const load = (name) => import(pathToFileURL(path.join(
  process.env.IMBREX_SOURCE, 'web', 'src', name)));
const [classify, elevation, format, hash, history, mercator, palette, patience,
  snippets] = await Promise.all(['classify', 'elevation', 'format', 'hash',
  'history', 'mercator', 'palette', 'patience', 'snippets']
  .map((name) => load(`${name}.js`)));

let failed = 0;
async function test(name, run) {
  try {
    await run();
    console.log(`ok      ${name}`);
  } catch (error) {
    failed++;
    console.log(`FAILED  ${name}\n${error.stack}`);
  }
}

/** Rows are [label, got, wanted]. */
const table = (name, rows) => test(name, () => {
  for (const [label, got, wanted] of rows) {
    assert.deepEqual(got, wanted, label);
  }
});

const getter = (properties) => (key) => properties[key];
const kind = classify.layerKind;
const road = (properties) => classify.roadClass(getter(properties));
const cover = (properties) => classify.cover(getter(properties));
const rank = (properties) => classify.placeRank(getter(properties));

await table('layers are known by their names in every usual schema', [
  ['OpenMapTiles roads', kind('transportation'), 'road'],
  ['OpenMapTiles road names', kind('transportation_name'), 'roadlabel'],
  ['OpenMapTiles rivers', kind('waterway'), 'waterway'],
  ['OpenMapTiles places', kind('place'), 'place'],
  ['Shortbread streets', kind('streets'), 'road'],
  ['Shortbread street names', kind('street_labels'), 'roadlabel'],
  ['Shortbread sea', kind('ocean'), 'water'],
  ['Protomaps land', kind('earth'), 'region'],
  ['Protomaps points', kind('pois'), 'poi'],
  ['Mapbox Streets labels', kind('place_label'), 'place'],
  ['Natural Earth lakes', kind('ne_10m_lakes'), 'water'],
  ['Natural Earth places', kind('ne_10m_populated_places_simple'), 'place'],
  ['Natural Earth borders', kind('ne_10m_admin_0_boundary_lines_land'),
    'boundary'],
  ['a city\'s roads', kind('porto_roads'), 'road'],
  ['counties', kind('us_counties_10m'), 'region'],
  ['points are not points of interest', kind('points'), 'other'],
  ['nothing said', kind('layer_7'), 'other'],
]);

await table('a feature of a nameless layer is known by its tags', [
  ['a street', classify.featureKind(getter({highway: 'residential'})), 'road'],
  ['an empty tag says nothing',
    classify.featureKind(getter({highway: '', building: 'yes'})), 'building'],
  ['a peak', classify.featureKind(getter({natural: 'peak'})), 'landcover'],
  ['no tag', classify.featureKind(getter({name: 'x'})), 'other'],
]);

await table('roads are classed', [
  ['OSM', road({highway: 'motorway_link'}), 'motorway'],
  ['OpenMapTiles', road({class: 'primary'}), 'primary'],
  ['Protomaps', road({kind: 'major_road'}), 'trunk'],
  ['a path', road({highway: 'footway'}), 'path'],
  ['a railway', road({railway: 'rail'}), 'rail'],
  ['unknown', road({class: 'zzz'}), 'minor'],
  ['numbers say nothing', road({class: 7}), 'minor'],
]);

await table('ground cover', [
  ['forest', cover({class: 'forest'}), 'wood'],
  ['marina', cover({leisure: 'marina'}), 'water'],
  ['glacier', cover({subclass: 'glacier'}), 'ice'],
  ['nothing', cover({class: 'zzz'}), null],
]);

await table('places are ranked', [
  ['by their own rank', rank({scalerank: 0}), 1],
  ['by class', rank({place: 'hamlet'}), 12],
  ['by population', rank({population: 5000000}) < rank({population: 900}),
    true],
  ['never outside', rank({rank: 900}), 13],
]);

await table('names come in the reader\'s language first', [
  ['own', classify.featureName(getter({name: 'Wien', 'name:en': 'Vienna'}),
    'en'), 'Vienna'],
  ['plain', classify.featureName(getter({name: 'Wien'}), 'en'), 'Wien'],
  ['number', classify.featureName(getter({name: 7}), 'en'), '7'],
  ['none', classify.featureName(getter({}), 'en'), ''],
]);

const whole = {id: 'a', position: {zoom: 3.5, lat: 41.2, lon: -8.6},
  grid: true, compare: 'b', mode: 'side'};
await table('the address is read and written', [
  ['there and back', hash.parseHash(hash.formatHash(whole)), whole],
  ['no position', hash.parseHash('#a').position, null],
  ['latitude beyond the pole', hash.parseHash('#a/3/91/0').position, null],
  ['not a number', hash.parseHash('#a/x/1/2').position, null],
  ['missing longitude', hash.parseHash('#a/3/1').position, null],
  ['broken escape', hash.parseHash('#%E0%A4/3/1/2').id, null],
  ['unknown mode', hash.parseHash('#a&mode=zzz').mode, 'swipe'],
  ['empty', hash.parseHash('').id, null],
]);

await table('numbers are written for people', [
  ['bytes', format.bytes(999), '999 B'],
  ['rounds up a unit', format.bytes(999999), '1.0 MB'],
  ['terabytes', format.bytes(1.5e12), '1.5 TB'],
  ['binary', format.binaryBytes(33554432), '32 MiB'],
  ['not a number', format.bytes(undefined), '–'],
  ['days', format.duration(90061), '1 d 01:01:01'],
  ['position', format.latLon(-33.5, 151.25, 10), '33.500° S, 151.250° E'],
]);

const {tileInBounds} = mercator;
await table('tiles are compared with bounds', [
  ['inside', tileInBounds([7, 46, 9, 48], 4, 8, 5), true],
  ['east of it', tileInBounds([7, 46, 9, 48], 4, 12, 5), false],
  ['south of it', tileInBounds([7, 46, 9, 48], 4, 8, 12), false],
  ['across the antimeridian, west side',
    tileInBounds([170, -20, -170, 0], 3, 7, 4), true],
  ['across the antimeridian, east side',
    tileInBounds([170, -20, -170, 0], 3, 0, 4), true],
  ['across the antimeridian, elsewhere',
    tileInBounds([170, -20, -170, 0], 3, 4, 4), false],
  ['no bounds', tileInBounds(null, 3, 4, 4), true],
]);

await table('bounds that make no sense become the world', [
  ['too few', mercator.saneBounds([1, 2, 3])[0], -180],
  ['not numbers', mercator.saneBounds([NaN, 0, 1, 1])[2], 180],
  ['poles are cut', mercator.saneBounds([-180, -90, 180, 90])[3] < 86, true],
]);

await test('rates and hit rates come from counters', () => {
  const log = history.createHistory();
  const sample = (uptime_ms, requests, view_hits, view_misses) => log.add(
    {uptime_ms, counters: {requests, view_hits, view_misses}}, uptime_ms);
  sample(1000, 10, 0, 0);
  sample(3000, 50, 9, 1);
  assert.equal(history.rate(log.samples, 1, ['requests']), 20);
  assert.equal(history.hitRate(log.samples, 1), 0.9);
  assert.ok(Number.isNaN(history.rate(log.samples, 0, ['requests'])));
  sample(10, 0, 0, 0);
  assert.equal(log.samples.length, 1, 'a restarted server begins anew');
});

await test('text on the map can be read on every ground', () => {
  const luminance = (hex) => {
    const parts = [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16) / 255)
      .map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return parts[0] * 0.2126 + parts[1] * 0.7152 + parts[2] * 0.0722;
  };
  const contrast = (a, b) => {
    const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y);
    return (high + 0.05) / (low + 0.05);
  };
  for (const theme of ['light', 'dark']) {
    const c = palette.palette(theme);
    for (const ground of ['ground', 'sea', 'wood', 'grass', 'urban', 'region',
      'sand', 'ice', 'building']) {
      assert.ok(contrast(c.text, c[ground]) >= 4.5, `${theme} ${ground}`);
    }
    assert.ok(contrast(c.waterText, c.water) >= 4.5, `${theme} water`);
  }
});

await test('no more tasks run at once than allowed, in order', async () => {
  const queue = patience.createQueue(2);
  let running = 0;
  let most = 0;
  const order = [];
  const results = await Promise.all([5, 1, 3, 2].map((ms, i) =>
    queue(async () => {
      most = Math.max(most, ++running);
      order.push(i);
      await new Promise((resolve) => setTimeout(resolve, ms));
      running--;
      return i;
    })));
  assert.deepEqual(results, [0, 1, 2, 3]);
  assert.deepEqual(order, [0, 1, 2, 3]);
  assert.equal(most, 2);
});

await test('code for other programs is valid whatever the id', () => {
  for (const id of ['world', '9lives', 'a-b.c']) {
    const all = snippets.snippets({id, key: snippets.scriptKey(id),
      vector: false, xyz: 'http://h/x', tilejson: 'http://h/t', style: '',
      wmts: 'http://h/w', lat: '1', lon: '2', zoom: 3, minzoom: 0, maxzoom: 5,
      tileSize: 512,
      attribution: 'it\'s "quoted" </script>'});
    for (const [name, code] of all.filter(([n]) => n !== 'QGIS')) {
      assert.doesNotThrow(() => new Function(code), `${name} for ${id}`);
    }
  }
});

await test('elevation outside the bounds is no sea', () => {
  const clipped = (bounds, tile) => {
    const heights = new Float32Array(16).fill(7);
    elevation.clipToBounds(heights, 4, bounds, tile);
    return [...heights].map((h) => (h === 7 ? '#' : '.')).join('')
      .match(/.{4}/g).join('/');
  };
  const all = '####/####/####/####';
  assert.equal(clipped([-180, -85.06, 180, 85.06], [0, 0, 0]), all);
  assert.equal(clipped([-90, 0, 90, 66.5], [0, 0, 0]), '..../.##./..../....');
  assert.equal(clipped([-90, 0, 90, 66.5], [1, 0, 0]), '..../..../..##/..##');
  // Across the antimeridian: from 90 east to 90 west.
  assert.equal(clipped([90, -85.06, -90, 85.06], [0, 0, 0]),
    '#..#/#..#/#..#/#..#');
});

process.exitCode = failed ? 1 : 0;
