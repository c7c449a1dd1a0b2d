// Every tile of every MBTiles file of the test data, and what is said of it, is
// the same to @mapbox/mbtiles in our export as in the original.
import assert from "node:assert/strict";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import {promisify} from "node:util";
import MBTiles from "@mapbox/mbtiles";
import {tiler} from "./tiler.mjs";

const open = (file) => new Promise((resolve, reject) =>
    new MBTiles(`${file}?mode=ro`,
                (error, opened) => error ? reject(error) : resolve(opened)));

async function addresses(opened) {
    let text = "";
    for await (const lines of opened.createZXYStream({batch: 1000}))
        text += lines;
    return text.trim().split("\n").sort();
}

// What does not tell one file from another.
async function info(opened) {
    const {id, basename, filesize, ...rest} = await promisify(
        opened.getInfo.bind(opened))();
    return rest;
}

// The tile and the headers that the package would send with it, or its error.
const tile = (opened, z, x, y) => new Promise((resolve) =>
    opened.getTile(z, x, y, (error, data, headers) => {
        // Both are of the file, and of the time it was written.
        const {"Last-Modified": modified, ETag: tag, ...rest} = headers ?? {};
        resolve(error ? {error: error.message}
                      : {bytes: data.toString("base64"), ...rest});
    }));

async function compare(was, now) {
    const all = await addresses(was);
    assert.deepEqual(await addresses(now), all);
    assert.deepEqual(await info(now), await info(was));
    for (const [z, x, y] of all.map((line) => line.split("/").map(Number)))
        assert.deepEqual(await tile(now, z, x, y), await tile(was, z, x, y),
                         `${z}/${x}/${y}`);
    assert.ok((await tile(now, 20, 0, 0)).error, "an absent tile is an error");
    return all.length;
}

const folder = path.join(process.env.IMBREX_DATA, "mbtiles");
const work = fs.mkdtempSync(path.join(os.tmpdir(), "imbrex-mbtiles-"));
try {
    for (const name of fs.readdirSync(folder).sort()) {
        const [original, tileset, ours] =
            [name, "a.imbrex", "ours.mbtiles"].map((n) => path.join(work, n));
        fs.copyFileSync(path.join(folder, name), original);
        fs.rmSync(tileset, {recursive: true, force: true});
        tiler("import", "--drop-grids", "-o", tileset, original);
        tiler("export", "--replace", "-o", ours, tileset);
        const both = [await open(original), await open(ours)];
        console.log(`${name}: ${await compare(...both)} tiles are the same`);
        for (const opened of both)
            await promisify(opened.close.bind(opened))();
    }
} finally {
    fs.rmSync(work, {recursive: true, force: true});
}
