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

/**
 * Points of a line, one in every tile that it runs through: its vertices, and
 * between two of them the middle of what lies in a tile that has neither.
 */
function* pointsInEachTile(line) {
    for (let i = 0; i < line.length; i++) {
        yield {point: line[i], between: false};
        if (i === 0) {
            continue;
        }
        const [[ax, ay], [bx, by]] = [line[i - 1], line[i]];
        const cuts = [0, 1];
        for (const [a, b] of [[ax, bx], [ay, by]]) {
            for (let at = Math.floor(Math.min(a, b)) + 1; at < Math.max(a, b);
                at++) {
                cuts.push((at - a) / (b - a));
            }
        }
        cuts.sort((s, t) => s - t);
        // The first and the last part lie in the tiles of the vertices.
        for (let k = 2; k < cuts.length - 1; k++) {
            const t = (cuts[k - 1] + cuts[k]) / 2;
            yield {point: [ax + t * (bx - ax), ay + t * (by - ay)],
                between: true};
        }
    }
}

/** Half a unit in x and in y. */
const ROUNDED = Math.SQRT1_2 + 1e-3;
/** Where a line is cut beyond the tile's buffer, the cut is rounded, too. */
const CUT = ROUNDED + 0.5;

/** @returns how many features there were, points checked, and crossings. */
function linesAreInEveryTile(id, source, layer, z, limit) {
    const tile = build(id, source, "--zoom", `${z}`);
    const tiles = new Map();
    const counts = {features: 0, points: 0, crossings: 0};
    for (const {geometry, properties} of readSource(source)) {
        const key = keyOf(properties);
        const lines = geometry.type === "LineString" ?
            [geometry.coordinates] : geometry.coordinates;
        counts.features++;
        for (const {point: [wx, wy], between} of lines.flatMap((line) =>
            [...pointsInEachTile(line.map((p) => place(p, z)))])) {
            const x = Math.floor(wx), y = Math.floor(wy), at = `${x}/${y}`;
            if (!tiles.has(at)) {
                tiles.set(at, linesByAttributes(tile(z, x, y), layer));
            }
            const drawn = tiles.get(at).get(key);
            assert.ok(drawn, `${at} has no line with ${key}`);
            const p = [(wx - x) * EXTENT, (wy - y) * EXTENT];
            assert.ok(drawn.some((line) => line.some((b, i) => i > 0 &&
                distance(p, line[i - 1], b) <= limit)),
            `${at}: ${key} is not at ${p}`);
            counts.points++;
            counts.crossings += between;
        }
    }
    return counts;
}

function roadsAreWhereTheyWere() {
    const {features, points} = linesAreInEveryTile("roads",
        "vector/porto_roads.geojson.gz", "porto_roads", 14, ROUNDED);
    assert.equal(features, 49667);
    assert.ok(points > 200000);
}

/** Railways run straight through many a tile of this zoom. */
function linesAreInTilesThatTheyOnlyCross() {
    const {features, crossings} = linesAreInEveryTile("rails",
        "vector/ne_10m_railroads_north_america.geojson.gz",
        "ne_10m_railroads_north_america", 12, CUT);
    assert.equal(features, 1127);
    assert.ok(crossings > 3000, `${crossings} crossings`);
}

/** Index of the first vertex, sorted by x, that is not left of `x`. */
function firstFrom(vertices, x) {
    let low = 0, high = vertices.length;
    while (low < high) {
        const middle = low + high >> 1;
        if (vertices[middle][0] < x) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
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
            const near = vertices.slice(
                firstFrom(vertices, Math.min(a[0], b[0])),
                firstFrom(vertices, Math.max(a[0], b[0]) + 1));
            const on = near.filter(([x, y]) =>
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

const ringsOf = ({type, coordinates}) =>
    type === "Polygon" ? coordinates : coordinates.flat();

/** The source's edges that one county alone has: coasts and the outside. */
function outerEdges(features) {
    const edges = new Map();
    for (const {geometry} of features.filter((f) => f.geometry !== null)) {
        for (const ring of ringsOf(geometry)) {
            ring.slice(1).forEach((b, i) => {
                const key = [`${ring[i]}`, `${b}`].sort().join(" ");
                edges.set(key, edges.has(key) ? null : [ring[i], b]);
            });
        }
    }
    return [...edges.values()].filter((edge) => edge !== null);
}

/** { "x/y": edges in units of that tile }, to a tile's 1/16 around. */
function edgesByTile(edges, z) {
    const found = new Map();
    for (const edge of edges) {
        const [a, b] = edge.map((p) => place(p, z));
        const [x0, x1, y0, y1] = [0, 1].flatMap((i) => [
            Math.floor(Math.min(a[i], b[i]) - 1 / 16),
            Math.floor(Math.max(a[i], b[i]) + 1 / 16)]);
        for (let x = x0; x <= x1; x++) {
            for (let y = y0; y <= y1; y++) {
                const at = `${x}/${y}`;
                found.set(at, found.get(at) ?? []);
                found.get(at).push([a, b].map(([u, v]) =>
                    [(u - x) * EXTENT, (v - y) * EXTENT]));
            }
        }
    }
    return found;
}

/**
 * What is beyond a county's border is another county: the same edge, the other
 * way; or, where one is narrower than a unit, one drawn over it. Or it is a
 * coast, which is where the source has one.
 */
function checkBorders(where, rings, coasts, counts) {
    const edges = edgesOf(rings);
    const inside = (v) => v > 0 && v < EXTENT;
    for (const [edge, times] of edges) {
        const [a, b] = edge.split(" ").map((p) => p.split(",").map(Number));
        if (![...a, ...b].every(inside)) {
            continue;
        }
        if (edges.get(`${b} ${a}`) === times) {
            counts.shared++;
        } else if (winding(rings, beyond(a, b)) > 0) {
            counts.overlaps++;
        } else {
            const middle = [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2];
            assert.ok(coasts.some(([c, d]) => distance(middle, c, d) <
                COAST_UNITS), `${where}: a gap at ${edge}`);
            counts.coasts++;
        }
    }
}

/** Simplified by a unit, rounded by half a one, in x and in y. */
const COAST_UNITS = 2.2;

function countiesLeaveNoGap() {
    const source = "vector/us_counties_10m.geojson.gz";
    const tile = build("counties", source, "--zoom", "5-8");
    const outer = outerEdges(readSource(source));
    const counts = {tiles: 0, shared: 0, overlaps: 0, coasts: 0};
    for (const z of [5, 6, 7, 8]) {
        const coasts = edgesByTile(outer, z);
        for (const x of fs.readdirSync(path.join(work, "counties", `${z}`))) {
            for (const name of fs.readdirSync(
                path.join(work, "counties", `${z}`, x))) {
                const y = parseInt(name, 10);
                const [layer] = decode(tile(z, x, y));
                checkBorders(`${z}/${x}/${y}`,
                    layer.features.flatMap((f) => f.parts),
                    coasts.get(`${x}/${y}`) ?? [], counts);
                counts.tiles++;
            }
        }
    }
    const {tiles, shared, overlaps} = counts;
    assert.ok(tiles > 500, `${tiles} tiles`);
    assert.ok(shared > 100000, `${shared} edges`);
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
    roadsAreWhereTheyWere, linesAreInTilesThatTheyOnlyCross, countiesLeaveNoGap, areasStay]) {
    const begin = Date.now();
    test();
    console.log(`ok ${test.name} (${Date.now() - begin} ms)`);
}
