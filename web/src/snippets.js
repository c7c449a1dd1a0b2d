// Ready pieces of code and settings for other programs.

const rasterMapLibre = (a) => `const map = new maplibregl.Map({
  container: 'map',
  style: {
    version: 8,
    sources: {
      ${a.key}: {type: 'raster', url: '${a.tilejson}',
        tileSize: ${a.tileSize}},
    },
    layers: [{id: '${a.id}', type: 'raster', source: '${a.id}'}],
  },
  center: [${a.lon}, ${a.lat}],
  zoom: ${Math.max(0, a.zoom - 1)},
});`;

const vectorMapLibre = (a) => `const map = new maplibregl.Map({
  container: 'map',
  style: '${a.style}',
  center: [${a.lon}, ${a.lat}],
  zoom: ${Math.max(0, a.zoom - 1)},
});`;

const rasterLeaflet = (a) => `const map = L.map('map')
  .setView([${a.lat}, ${a.lon}], ${Math.round(a.zoom)});
L.tileLayer('${a.xyz}', {
  minZoom: ${a.minzoom},
  maxNativeZoom: ${a.maxzoom},
  maxZoom: ${a.maxzoom + 3},${a.tileSize === 512 ? `
  tileSize: 512,
  zoomOffset: -1,` : ''}
  attribution: ${JSON.stringify(a.attribution)},
}).addTo(map);`;

const vectorLeaflet = (a) => `// with the plugin Leaflet.VectorGrid
const map = L.map('map')
  .setView([${a.lat}, ${a.lon}], ${Math.round(a.zoom)});
L.vectorGrid.protobuf('${a.xyz}', {
  maxNativeZoom: ${a.maxzoom},
  attribution: ${JSON.stringify(a.attribution)},
}).addTo(map);`;

const rasterOpenLayers = (a) => `new ol.Map({
  target: 'map',
  layers: [new ol.layer.Tile({
    source: new ol.source.TileJSON({
      url: '${a.tilejson}',
      tileSize: ${a.tileSize},
    }),
  })],
  view: new ol.View({
    center: ol.proj.fromLonLat([${a.lon}, ${a.lat}]),
    zoom: ${a.zoom},
  }),
});`;

const vectorOpenLayers = (a) => `new ol.Map({
  target: 'map',
  layers: [new ol.layer.VectorTile({
    source: new ol.source.VectorTile({
      format: new ol.format.MVT(),
      url: '${a.xyz}',
      maxZoom: ${a.maxzoom},
    }),
  })],
  view: new ol.View({
    center: ol.proj.fromLonLat([${a.lon}, ${a.lat}]),
    zoom: ${a.zoom},
  }),
});`;

const rasterQgis = (a) => `Browser > XYZ Tiles > New Connection
  URL             ${a.xyz}
  Min. zoom level ${a.minzoom}
  Max. zoom level ${a.maxzoom}

or Browser > WMS/WMTS > New Connection
  URL             ${a.wmts}`;

const vectorQgis = (a) => `Browser > Vector Tiles > New Generic Connection
  Source type     Service
  URL             ${a.xyz}
  Min. zoom level ${a.minzoom}
  Max. zoom level ${a.maxzoom}
  Style URL       ${a.style}`;

const KINDS = {
  MapLibre: [rasterMapLibre, vectorMapLibre],
  Leaflet: [rasterLeaflet, vectorLeaflet],
  OpenLayers: [rasterOpenLayers, vectorOpenLayers],
  QGIS: [rasterQgis, vectorQgis],
};

/**
 * @param a {id, key, vector, xyz, tilejson, wmts, style, lat, lon, zoom,
 *   minzoom, maxzoom, tileSize, attribution}
 * @returns {Array<[string, string]>} program and text
 */
export const snippets = (a) => Object.entries(KINDS)
  .map(([name, [raster, vector]]) => [name, (a.vector ? vector : raster)(a)]);

/** A name that is legal as a key in JavaScript, whatever the id. */
export const scriptKey = (id) =>
  (/^[A-Za-z_]\w*$/.test(id) ? id : `'${id.replace(/['\\]/g, '')}'`);
