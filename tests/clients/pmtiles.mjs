// Every tile of every PMTiles archive of the test data, and of archives with
// leaf directories made of it, read back from our export by the `pmtiles`
// package, equals what that package reads from the original.
import assert from "node:assert/strict";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import {PMTiles, zxyToTileId} from "pmtiles";
import {tiler} from "./tiler.mjs";

class FileSource {
    constructor(name) {
        this.name = name;
        this.file = fs.openSync(name, "r");
    }
    getKey() {
        return this.name;
    }
    async getBytes(offset, length) {
        const bytes = new Uint8Array(length);
        const n = fs.readSync(this.file, bytes, 0, length, offset);
        return {data: bytes.buffer.slice(0, n)};
    }
}

// Addresses: all of small zooms, and those inside the archive's bounds.
function* addresses(header) {
    const column = (lon, z) => Math.floor((lon + 180) / 360 * 2 ** z);
    const row = (lat, z) => {
        const s = Math.asinh(Math.tan(lat * Math.PI / 180));
        return Math.floor((1 - s / Math.PI) / 2 * 2 ** z);
    };
    for (let z = header.minZoom; z <= header.maxZoom; z++) {
        const last = 2 ** z - 1;
        const clamp = (n) => Math.min(Math.max(n, 0), last);
        const whole = z < 5;
        const x0 = whole ? 0 : clamp(column(header.minLon, z));
        const x1 = whole ? last : clamp(column(header.maxLon, z));
        const y0 = whole ? 0 : clamp(row(header.maxLat, z));
        const y1 = whole ? last : clamp(row(header.minLat, z));
        for (let x = x0; x <= x1; x++)
            for (let y = y0; y <= y1; y++)
                yield [z, x, y];
    }
}

async function compare(was, now) {
    const header = await was.getHeader();
    const again = await now.getHeader();
    for (const key of ["minZoom", "maxZoom", "minLon", "minLat", "maxLon",
                       "maxLat", "tileType", "tileCompression"])
        assert.equal(again[key], header[key], key);
    assert.deepEqual(await now.getMetadata(), await was.getMetadata());
    let tiles = 0;
    for (const [z, x, y] of addresses(header)) {
        const a = await was.getZxy(z, x, y);
        // Most places of a large zoom hold nothing: a part of them is enough,
        // as the number of tiles is compared too.
        if (a === undefined && z > 15 && (x + y) % 50 !== 0)
            continue;
        const b = await now.getZxy(z, x, y);
        assert.equal(b === undefined, a === undefined, `${z}/${x}/${y}`);
        if (a === undefined)
            continue;
        assert.ok(Buffer.from(a.data).equals(Buffer.from(b.data)),
                  `${z}/${x}/${y} of id ${zxyToTileId(z, x, y)}`);
        tiles++;
    }
    assert.equal(tiles, again.numAddressedTiles);
    return tiles;
}

const folder = path.join(process.env.IMBREX_DATA, "pmtiles");
const work = fs.mkdtempSync(path.join(os.tmpdir(), "imbrex-pmtiles-"));
try {
    for (const name of fs.readdirSync(folder).sort()) {
        const tileset = path.join(work, "a.imbrex");
        const archive = path.join(work, name);
        fs.rmSync(tileset, {recursive: true, force: true});
        tiler("import", "-o", tileset, path.join(folder, name));
        tiler("export", "-o", archive, tileset);
        const tiles = await compare(
            new PMTiles(new FileSource(path.join(folder, name))),
            new PMTiles(new FileSource(archive)));
        console.log(`${name}: ${tiles} tiles are the same`);
    }
} finally {
    fs.rmSync(work, {recursive: true, force: true});
}
