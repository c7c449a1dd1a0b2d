// Map libraries that people use, on a page of another origin, reading what the
// server says about itself: raster and vector, by the addresses it gives out.
import {createReadStream, existsSync} from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import {gpuFlags, makeLabels, makeSharedTilesets, makeTilesets, onCleanUp,
  openBrowser, scratchFolder, startServer} from './harness.mjs';
import {colours, decode, differing} from './pixels.mjs';
import {assert, eventually, runAll, Skip, test} from './suite.mjs';

const TYPES = {'.js': 'text/javascript', '.css': 'text/css',
  '.png': 'image/png'};
let server, browser, page, site, labels, shared;

/** A bare page, and the installed packages under /packages/. */
function startSite() {
  const root = path.resolve('node_modules');
  const answer = (request, response) => {
    const url = new URL(request.url, 'http://localhost');
    if (url.pathname === '/') {
      response.setHeader('Content-Type', 'text/html');
      response.end('<!doctype html><meta charset="utf-8"><title>t</title>' +
        '<link rel="icon" href="data:,">' +
        '<body style="margin:0"><div id="map" style="height:400px"></div>');
      return;
    }
    const file = path.join(root, url.pathname.replace('/packages/', ''));
    if (!file.startsWith(root) || !existsSync(file)) {
      response.statusCode = 404;
      response.end();
      return;
    }
    response.setHeader('Content-Type', TYPES[path.extname(file)] ??
      'application/octet-stream');
    createReadStream(file).pipe(response);
  };
  return new Promise((resolve) => {
    const listening = http.createServer(answer);
    listening.listen(0, '127.0.0.1', () => resolve({
      url: `http://127.0.0.1:${listening.address().port}/`,
      stop: () => {
        listening.close();
        listening.closeAllConnections();
      },
    }));
  });
}

async function setUp() {
  const folder = scratchFolder();
  makeTilesets(folder);
  shared = makeSharedTilesets(folder, ['monaco']);
  labels = makeLabels(path.join(folder, 'labels'));
  server = await startServer(folder, {args: labels ?
    ['--fonts', path.join(labels, 'fonts'),
      '--sprites', path.join(labels, 'sprites')] : []});
  site = await startSite();
  onCleanUp(site.stop);
  browser = await openBrowser({flags: gpuFlags,
    viewport: {width: 600, height: 400}});
  page = browser.page;
}

async function open(scripts, style) {
  await page.goto(site.url);
  if (style) {
    await page.addStyleTag({url: `${site.url}packages/${style}`});
  }
  for (const script of [scripts].flat()) {
    await page.addScriptTag({url: `${site.url}packages/${script}`});
  }
}

const picture = async () => decode(await page.screenshot());

async function appears(least, what) {
  await eventually(async () => colours(await picture()),
    (n) => n >= least, what);
}

async function openMapLibre(style) {
  await open('maplibre-gl/dist/maplibre-gl.js',
    'maplibre-gl/dist/maplibre-gl.css');
  await page.evaluate((given) => new Promise((resolve, reject) => {
    globalThis.map = new globalThis.maplibregl.Map({container: 'map',
      fadeDuration: 0, attributionControl: false, ...given});
    globalThis.map.on('error', (event) => reject(event.error));
    globalThis.map.once('idle', resolve);
  }), style);
}

test('MapLibre GL draws raster tiles by TileJSON', async () => {
  await openMapLibre({center: [8, 47], zoom: 1, style: {
    version: 8, layers: [{id: 'world', type: 'raster', source: 'world'}],
    sources: {world: {type: 'raster', tileSize: 256,
      url: `${server.url}world.json`}},
  }});
  await appears(300, 'the world');
});

test('MapLibre GL draws vector tiles by the given style', async () => {
  await openMapLibre({center: [8, 47], zoom: 12.5,
    style: `${server.url}styles/town.json`});
  await appears(10, 'the town');
  const layers = await page.evaluate(() =>
    [...new Set(globalThis.map.queryRenderedFeatures()
      .map((feature) => feature.sourceLayer))]);
  for (const name of ['roads', 'water', 'buildings', 'landuse']) {
    assert.ok(layers.includes(name), `${name} is among ${layers}`);
  }
});

test('MapLibre GL draws vector tiles by TileJSON', async () => {
  await openMapLibre({center: [8, 47], zoom: 12.5, style: {version: 8,
    sources: {town: {type: 'vector', url: `${server.url}town.json`}},
    layers: [{id: 'l', type: 'line', source: 'town', 'source-layer': 'roads',
      paint: {'line-color': '#c00', 'line-width': 4}}],
  }});
  await appears(5, 'the roads');
});

/** How many features the symbol layers whose name ends so have drawn. */
const symbols = (suffix) => page.evaluate((ending) => {
  const {map} = globalThis;
  const layers = map.getStyle().layers.map((layer) => layer.id)
    .filter((id) => id.endsWith(ending));
  return map.queryRenderedFeatures({layers}).length;
}, suffix);

const hideAll = (endings) => page.evaluate((list) =>
  new Promise((resolve) => {
    const {map} = globalThis;
    map.once('idle', resolve);
    for (const {id} of map.getStyle().layers) {
      if (list.some((ending) => id.endsWith(ending))) {
        map.setLayoutProperty(id, 'visibility', 'none');
      }
    }
  }), endings);

test('MapLibre GL writes names and draws icons without a network', async () => {
  if (!labels || !shared.includes('monaco')) {
    throw new Skip('there are no labels (npm), or no shared data');
  }
  const asked = [];
  const note = (response) => asked.push(response);
  page.on('response', note);
  // Names in Latin letters with accents; the port has icons.
  await openMapLibre({center: [7.421, 43.7345], zoom: 15.5,
    style: `${server.url}styles/monaco.json`});
  page.off('response', note);
  const fonts = asked.filter((answer) => answer.url().includes('/fonts/'));
  assert.ok(fonts.length >= 1 &&
    fonts.every((answer) => answer.status() === 200), 'glyphs came');
  assert.ok((await fonts[0].body()).length > 10000, 'and they are glyphs');
  assert.ok(asked.some((answer) => answer.url().endsWith('/sprite.png')));
  for (const ending of ['-label', '-name', '-icon']) {
    const count = await symbols(ending);
    assert.ok(count >= 3, `${count} of ${ending}`);
  }
  // What is drawn is more than an empty box: without it the picture differs.
  const whole = await picture();
  await hideAll(['-label', '-name']);
  const nameless = await picture();
  assert.ok(differing(whole, nameless) > 0.01, 'names are seen');
  await hideAll(['-icon']);
  assert.ok(differing(nameless, await picture()) > 0.002, 'icons are seen');
});

test('MapLibre GL reads attributes with their types', async () => {
  await openMapLibre({center: [8.023, 46.997], zoom: 14, style: {
    version: 8, sources: {town: {type: 'vector', url: `${server.url}town.json`}},
    layers: [{id: 'w', type: 'fill', source: 'town', 'source-layer': 'water'}],
  }});
  const ponds = await page.evaluate(() => globalThis.map
    .queryRenderedFeatures().map((feature) => feature.properties));
  assert.ok(ponds.some((p) => p.name === 'Mill Pond' && p.depth_m === 2),
    JSON.stringify(ponds));
});

test('Leaflet draws raster tiles', async () => {
  await open('leaflet/dist/leaflet.js', 'leaflet/dist/leaflet.css');
  const loaded = await page.evaluate(async (url) => {
    const info = await (await fetch(url)).json();
    const {L} = globalThis;
    const map = L.map('map', {fadeAnimation: false}).setView([30, 10], 2);
    const layer = L.tileLayer(info.tiles[0], {
      minZoom: info.minzoom, maxNativeZoom: info.maxzoom,
      attribution: info.attribution});
    const counts = {ok: 0, failed: 0};
    layer.on('tileload', () => counts.ok++);
    layer.on('tileerror', () => counts.failed++);
    await new Promise((resolve) => layer.on('load', resolve).addTo(map));
    return counts;
  }, `${server.url}world.json`);
  assert.ok(loaded.ok >= 6, `${loaded.ok} tiles`);
  assert.equal(loaded.failed, 0);
  await appears(300, 'the world');
});

test('Leaflet draws vector tiles with VectorGrid', async () => {
  await open(['leaflet/dist/leaflet.js',
    'leaflet.vectorgrid/dist/Leaflet.VectorGrid.bundled.js'],
  'leaflet/dist/leaflet.css');
  const counts = await page.evaluate(async (url) => {
    const info = await (await fetch(url)).json();
    const {L} = globalThis;
    const map = L.map('map', {fadeAnimation: false}).setView([47, 8], 13);
    const seen = {failed: 0, layers: info.vector_layers.map((l) => l.id)};
    const layer = L.vectorGrid.protobuf(info.tiles[0], {
      maxNativeZoom: info.maxzoom, vectorTileLayerStyles: {
        roads: {color: '#c00', weight: 4}, buildings: {color: '#06c'},
        water: {color: '#0a0', fill: true}, landuse: [], places: []}});
    layer.on('tileerror', () => seen.failed++);
    await new Promise((resolve) => layer.on('load', resolve).addTo(map));
    return seen;
  }, `${server.url}town.json`);
  assert.equal(counts.failed, 0);
  assert.ok(counts.layers.includes('roads'));
  await appears(5, 'the town');
});

test('OpenLayers draws the given style (ol-mapbox-style)', async () => {
  await open(['ol/dist/ol.js', 'ol-mapbox-style/dist/olms.js'], 'ol/ol.css');
  const problem = await page.evaluate(async (url) => {
    try {
      const map = await globalThis.olms.apply('map', url);
      map.getView().setZoom(13);
      await new Promise((resolve) => map.once('rendercomplete', resolve));
    } catch (error) {
      return String(error);
    }
    return null;
  }, `${server.url}styles/town.json`);
  assert.equal(problem, null);
  await appears(10, 'the town');
});

test('OpenLayers draws raster tiles by WMTS', async () => {
  await open('ol/dist/ol.js', 'ol/ol.css');
  await page.evaluate(async (url) => {
    const {ol} = globalThis;
    const text = await (await fetch(url)).text();
    const options = ol.source.WMTS.optionsFromCapabilities(
      new ol.format.WMTSCapabilities().read(text), {layer: 'world'});
    const map = new ol.Map({target: 'map', layers: [new ol.layer.Tile({
      source: new ol.source.WMTS({...options, crossOrigin: 'anonymous'})})],
    view: new ol.View({center: [0, 0], zoom: 2})});
    await new Promise((resolve) => map.once('rendercomplete', resolve));
  }, `${server.url}wmts/1.0.0/WMTSCapabilities.xml`);
  await appears(300, 'the world');
});

test('OpenLayers draws raster tiles by TileJSON', async () => {
  await open('ol/dist/ol.js', 'ol/ol.css');
  await page.evaluate((url) => new Promise((resolve) => {
    const {ol} = globalThis;
    const map = new ol.Map({target: 'map', layers: [new ol.layer.Tile({
      source: new ol.source.TileJSON({url, crossOrigin: 'anonymous'})})],
    view: new ol.View({center: [0, 0], zoom: 2})});
    map.once('loadend', resolve);
  }), `${server.url}world.json`);
  await appears(300, 'the world');
});

test('OpenLayers draws vector tiles', async () => {
  await open('ol/dist/ol.js', 'ol/ol.css');
  const names = await page.evaluate(async (url) => {
    const info = await (await fetch(url)).json();
    const {ol} = globalThis;
    const layer = new ol.layer.VectorTile({source: new ol.source.VectorTile({
      format: new ol.format.MVT(), url: info.tiles[0],
      maxZoom: info.maxzoom})});
    const map = new ol.Map({target: 'map', layers: [layer],
      view: new ol.View({center: ol.proj.fromLonLat([8, 47]), zoom: 13})});
    await new Promise((resolve) => map.once('rendercomplete', resolve));
    const found = layer.getFeaturesInExtent(map.getView().calculateExtent());
    return [...new Set(found.map((feature) => feature.get('name')))];
  }, `${server.url}town.json`);
  assert.ok(names.includes('Ring West') && names.includes('Long Lake'),
    names.join());
  await appears(5, 'the town');
});

test('nothing went wrong in the browser meanwhile', () => {
  assert.deepEqual(browser.problems, []);
});

await runAll(setUp, () => page);
