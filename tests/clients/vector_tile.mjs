// Tiles of real data, decoded by @mapbox/vector-tile and pbf: every feature is
// in every tile that it runs through, where it was, with its attributes;
// borders leave no gap; areas stay; the rules of mvt-fixtures hold.
import assert from "node:assert/strict";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import zlib from "node:zlib";
import {VectorTile} from "@mapbox/vector-tile";
import Pbf from "pbf";
import {area2, decode} from "./mvt_rules.mjs";
import {tiler} from "./tiler.mjs";

const data = process.env.IMBREX_DATA;
const work = fs.mkdtempSync(path.join(os.tmpdir(), "imbrex-mvt-"));
process.on("exit", () => fs.rmSync(work, {recursive: true, force: true}));

const EXTENT = 4096;

function readSource(name) {
    const bytes = zlib.gunzipSync(fs.readFileSync(path.join(data, name)));
    return JSON.parse(bytes).features;
}

/** Builds and exports; @returns what gives a tile's bytes, or null. */
function build(id, source, ...options) {
    const tileset = path.join(work, `${id}.imbrex`);
    const folder = path.join(work, id);
    tiler("build", "-q", "-o", tileset, ...options, path.join(data, source));
    tiler("export", "-q", "-o", `${folder}/`, tileset);
    const ending = fs.globSync?.("*/*/*.*", {cwd: folder})[0]?.split(".").at(-1) ??
        "pbf";
    return (z, x, y) => {
        const file = path.join(folder, `${z}/${x}/${y}.${ending}`);
        if (!fs.existsSync(file)) {
            return null;
        }
        const bytes = fs.readFileSync(file);
        return bytes[0] === 0x1f ? zlib.gunzipSync(bytes) : bytes;
    };
}

/** World position, in tiles of the zoom, by the formula of the projection. */
function place([lon, lat], z) {
    const y = Math.asinh(Math.tan(lat * Math.PI / 180)) / Math.PI;
    return [(lon + 180) / 360 * 2 ** z, (1 - y) / 2 * 2 ** z];
}

const keyOf = (properties) => JSON.stringify(Object.entries(properties)
    .filter(([, value]) => value !== null).sort(([a], [b]) => a < b ? -1 : 1));

function distance([px, py], [ax, ay], [bx, by]) {
    const dx = bx - ax, dy = by - ay, length2 = dx * dx + dy * dy;
    const t = length2 === 0 ? 0 :
        Math.min(1, Math.max(0, ((px - ax) * dx + (py - ay) * dy) / length2));
    return Math.hypot(px - ax - t * dx, py - ay - t * dy);
}

/** {attributes: [lines]} of a layer's features. */
function linesByAttributes(bytes, name) {
    const found = new Map();
    const layer = new VectorTile(new Pbf(bytes)).layers[name];
    for (let i = 0; i < layer.length; i++) {
        const feature = layer.feature(i);
        const key = keyOf(feature.properties);
        const lines = feature.loadGeometry()
            .map((line) => line.map(({x, y}) => [x, y]));
        found.set(key, [...found.get(key) ?? [], ...lines]);
    }
    return found;
}

function roadsAreWhereTheyWere() {
    const z = 14;
    const tile = build("roads", "vector/porto_roads.geojson.gz",
        "--zoom", `${z}`);
    const tiles = new Map();
    const limit = Math.SQRT1_2 + 1e-3; // half a unit in x and in y
    let checked = 0, features = 0;
    for (const {geometry, properties} of
        readSource("vector/porto_roads.geojson.gz")) {
        const key = keyOf(properties);
        features++;
        for (const vertex of geometry.coordinates) {
            const [wx, wy] = place(vertex, z);
            const x = Math.floor(wx), y = Math.floor(wy), at = `${x}/${y}`;
            if (!tiles.has(at)) {
                tiles.set(at, linesByAttributes(tile(z, x, y), "porto_roads"));
            }
            const lines = tiles.get(at).get(key);
            assert.ok(lines, `${at} has no road with ${key}`);
            const p = [(wx - x) * EXTENT, (wy - y) * EXTENT];
            assert.ok(lines.some((line) => line.some((b, i) => i > 0 &&
                distance(p, line[i - 1], b) <= limit)),
            `${at}: ${key} is not at ${p}`);
            checked++;
        }
    }
    assert.equal(features, 49667);
    assert.ok(checked > 200000);
}

/** Cuts every edge at every vertex on it: { "from to": times }. */
function edgesOf(rings) {
    const vertices = [...new Map(rings.flat().map((p) => [`${p}`, p]))
        .values()].sort(([a], [b]) => a - b);
    const edges = new Map();
    const add = (a, b) => edges.set(`${a} ${b}`,
        (edges.get(`${a} ${b}`) ?? 0) + 1);
    for (const ring of rings) {
        ring.forEach((a, i) => {
            const b = ring[(i + 1) % ring.length];
            const on = vertices.filter(([x, y]) =>
                x >= Math.min(a[0], b[0]) && x <= Math.max(a[0], b[0]) &&
                y >= Math.min(a[1], b[1]) && y <= Math.max(a[1], b[1]) &&
                (b[0] - a[0]) * (y - a[1]) === (b[1] - a[1]) * (x - a[0]));
            on.sort((p, q) => Math.hypot(p[0] - a[0], p[1] - a[1]) -
                Math.hypot(q[0] - a[0], q[1] - a[1]));
            on.slice(1).forEach((p, k) => add(on[k], p));
        });
    }
    return edges;
}

/** How often the rings go around a point. */
const winding = (rings, [px, py]) => rings.reduce((sum, ring) =>
    ring.reduce((turns, [ax, ay], i) => {
        const [bx, by] = ring[(i + 1) % ring.length];
        if (ay <= py === by <= py) {
            return turns;
        }
        const side = (bx - ax) * (py - ay) - (px - ax) * (by - ay);
        return turns + (by > ay ? side > 0 : -(side < 0));
    }, sum), 0);

/** A point just outside the ring that an edge belongs to. */
function beyond([ax, ay], [bx, by]) {
    const dx = bx - ax, dy = by - ay, near = 1e-3 / Math.hypot(dx, dy);
    return [(ax + bx) / 2 + near * dy, (ay + by) / 2 - near * dx];
}

/**
 * Inland, what is beyond a county's border is another county: the same edge,
 * the other way; or, where one is narrower than a unit, one drawn over it.
 */
function countiesLeaveNoGap() {
    const tile = build("counties", "vector/us_counties_10m.geojson.gz",
        "--zoom", "5-8");
    let shared = 0, overlaps = 0;
    for (const z of [5, 6, 7, 8]) {
        const [x, y] = place([-98.5, 38.5], z).map(Math.floor);
        const [layer] = decode(tile(z, x, y));
        const rings = layer.features.flatMap((f) => f.parts);
        const edges = edgesOf(rings);
        const inside = (v) => v > 0 && v < EXTENT;
        for (const [edge, times] of edges) {
            const [a, b] = edge.split(" ").map((p) => p.split(",").map(Number));
            if (![...a, ...b].every(inside)) {
                continue;
            }
            shared++;
            if (edges.get(`${b} ${a}`) !== times) {
                overlaps++;
                assert.ok(winding(rings, beyond(a, b)) > 0,
                    `${z}/${x}/${y}: a gap at ${edge}`);
            }
        }
    }
    assert.ok(shared > 500, `${shared} edges`);
    assert.ok(overlaps < shared / 100, `${overlaps} of ${shared} edges`);
}

/** Without buffer, a country's pieces have its area. */
function areasStay() {
    const source = "vector/ne_110m_admin_0_countries.geojson.gz";
    const tile = build("areas", source, "--zoom", "0-5", "--buffer", "0");
    let measured = 0;
    for (const {geometry, properties} of readSource(source)) {
        const polygons = geometry.type === "Polygon" ?
            [geometry.coordinates] : geometry.coordinates;
        if (!["Brazil", "Australia", "India", "France"]
            .includes(properties.NAME ?? properties.name)) {
            continue;
        }
        const name = properties.NAME ?? properties.name;
        const want = Math.abs(polygons.flat().reduce((sum, ring) => sum +
            area2(ring.slice(1).map((p) => place(p, 0))), 0));
        for (let z = 0; z <= 5; z++) {
            let have = 0;
            for (let x = 0; x < 2 ** z; x++) {
                for (let y = 0; y < 2 ** z; y++) {
                    have += areaIn(tile(z, x, y), name);
                }
            }
            have /= (EXTENT * 2 ** z) ** 2;
            assert.ok(Math.abs(have / want - 1) < 0.02 / 2 ** z,
                `${name} at zoom ${z}: ${have} of ${want}`);
            measured++;
        }
    }
    assert.equal(measured, 4 * 6);
}

function areaIn(bytes, name) {
    if (bytes === null) {
        return 0;
    }
    const [layer] = Object.values(new VectorTile(new Pbf(bytes)).layers);
    let sum = 0;
    for (let i = 0; i < layer.length; i++) {
        const feature = layer.feature(i);
        if ((feature.properties.NAME ?? feature.properties.name) === name) {
            sum += feature.loadGeometry().reduce((all, ring) => all +
                area2(ring.slice(1).map(({x, y}) => [x, y])), 0);
        }
    }
    return sum;
}

/** What the fixtures' authors call invalid, our checker does; and no more. */
function fixturesAreToldApart() {
    const root = path.join(data, "mvt-fixtures");
    let valid = 0, invalid = 0;
    for (const id of fs.readdirSync(root)) {
        const {validity} = JSON.parse(fs.readFileSync(
            path.join(root, id, "info.json")));
        const run = () => decode(fs.readFileSync(
            path.join(root, id, "tile.mvt")));
        if (validity.v2) {
            run();
            valid++;
        } else {
            assert.throws(run, `fixture ${id}`);
            invalid++;
        }
    }
    assert.ok(valid > 10 && invalid > 10);
}

/** Every tile of every kind of geometry. */
function ourTilesFollowTheRules() {
    const sources = [
        ["osm/andorra-latest-2021.osm.pbf", "0-14"],
        ["vector/us_counties_10m.geojson.gz", "0-6"],
        ["vector/ne_10m_admin_0_countries.geojson.gz", "0-5"],
        ["vector/ne_50m_populated_places.geojson.gz", "0-5"],
        ["vector/ne_110m_graticules_30.geojson.gz", "0-5"],
    ];
    let tiles = 0;
    sources.forEach(([source, zooms], number) => {
        const id = `rules${number}`;
        build(id, source, "--zoom", zooms);
        for (const file of fs.readdirSync(path.join(work, id),
            {recursive: true})) {
            if (!/\d\.(pbf|mvt)$/.test(file)) {
                continue;
            }
            const bytes = fs.readFileSync(path.join(work, id, file));
            for (const layer of decode(zlib.unzipSync(bytes))) {
                assert.equal(layer.version, 2);
                assert.equal(layer.extent, EXTENT);
                assert.ok(layer.features.length > 0);
                for (const list of [layer.keys, layer.values]) {
                    assert.equal(new Set(list).size, list.length, file);
                }
            }
            tiles++;
        }
    });
    assert.ok(tiles > 1000, `${tiles} tiles`);
}

for (const test of [fixturesAreToldApart, ourTilesFollowTheRules,
    roadsAreWhereTheyWere, countiesLeaveNoGap, areasStay]) {
    const begin = Date.now();
    test();
    console.log(`ok ${test.name} (${Date.now() - begin} ms)`);
}
