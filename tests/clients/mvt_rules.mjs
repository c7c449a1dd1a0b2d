// The rules of the vector tile specification 2.1 that mvt-fixtures are about,
// checked on the raw message by the `pbf` package.
import Pbf from "pbf";

const MOVE = 1, LINE = 2, CLOSE = 7;

const zigzag = (n) => (n >>> 1) ^ -(n & 1);

/** Decodes commands into parts; throws what is wrong with them. */
function partsOf(commands, type) {
    const parts = [];
    let x = 0, y = 0, at = 0, open = null;
    while (at < commands.length) {
        const id = commands[at] & 7, count = commands[at++] >> 3;
        if (id === CLOSE) {
            if (type !== 3 || count !== 1 || open === null) {
                throw new Error("a ClosePath where none may be");
            }
            open = null;
            continue;
        }
        if (id !== MOVE && id !== LINE) {
            throw new Error(`an unknown command ${id}`);
        }
        if (count === 0 || at + 2 * count > commands.length) {
            throw new Error("a command with a wrong count");
        }
        if (id === MOVE && (type === 3 && open !== null ||
            type !== 1 && count !== 1)) {
            throw new Error("a MoveTo where none may be");
        }
        if (id === LINE && (open === null || type === 1)) {
            throw new Error("a LineTo where none may be");
        }
        if (id === MOVE && (type !== 1 || parts.length === 0)) {
            parts.push([]);
        }
        for (let i = 0; i < count; i++, at += 2) {
            const dx = zigzag(commands[at]), dy = zigzag(commands[at + 1]);
            if (id === LINE && dx === 0 && dy === 0) {
                throw new Error("two points in one place");
            }
            x += dx;
            y += dy;
            parts.at(-1).push([x, y]);
        }
        open = parts.at(-1);
    }
    if (type === 3 && open !== null) {
        throw new Error("a ring that is not closed");
    }
    return parts;
}

/** Twice the signed area; positive is an outer ring (y grows south). */
export const area2 = (ring) => ring.reduce((sum, [x, y], i) => {
    const [u, v] = ring[(i + 1) % ring.length];
    return sum + x * v - u * y;
}, 0);

function checkParts(parts, type) {
    if (parts.length === 0) {
        throw new Error("a feature without geometry");
    }
    if (type === 2 && parts.some((part) => part.length < 2)) {
        throw new Error("a line of one point");
    }
    if (type !== 3) {
        return;
    }
    if (parts.some((ring) => ring.length < 3 || area2(ring) === 0)) {
        throw new Error("a ring without area");
    }
    if (area2(parts[0]) < 0) {
        throw new Error("a polygon that begins with a hole");
    }
}

const readFeature = (tag, feature, pbf) => {
    if (tag === 2) {
        pbf.readPackedVarint(feature.tags);
    } else if (tag === 3) {
        feature.type = pbf.readVarint();
    } else if (tag === 4) {
        pbf.readPackedVarint(feature.commands);
    }
};

const VALUE_WIRE = {1: 2, 2: 5, 3: 1, 4: 0, 5: 0, 6: 0, 7: 0};

function readValue(pbf) {
    const end = pbf.readVarint() + pbf.pos, start = pbf.pos;
    const tag = pbf.readVarint();
    if (VALUE_WIRE[tag >> 3] !== (tag & 7)) {
        throw new Error("a value of no known type");
    }
    pbf.skip(tag);
    if (pbf.pos !== end) {
        throw new Error("a value of several types");
    }
    return Buffer.from(pbf.buf.slice(start, end)).toString("hex");
}

const readLayer = (tag, layer, pbf) => {
    const wire = pbf.type;
    if (tag === 15 && wire !== 0 || tag === 3 && wire !== 2) {
        throw new Error("a field of the wrong type");
    }
    if (tag === 1) {
        layer.name = pbf.readString();
    } else if (tag === 2) {
        layer.features.push(pbf.readMessage(readFeature,
            {tags: [], commands: [], type: 0}));
    } else if (tag === 3) {
        layer.keys.push(pbf.readString());
    } else if (tag === 4) {
        layer.values.push(readValue(pbf));
    } else if (tag === 5) {
        layer.extent = pbf.readVarint();
    } else if (tag === 15) {
        layer.version = pbf.readVarint();
    }
};

function checkFeature(feature, layer) {
    const {tags} = feature;
    if (feature.type < 1 || feature.type > 3) {
        throw new Error("a feature without a type of geometry");
    }
    if (tags.length % 2 !== 0) {
        throw new Error("an odd number of tags");
    }
    for (let i = 0; i < tags.length; i += 2) {
        if (tags[i] >= layer.keys.length ||
            tags[i + 1] >= layer.values.length) {
            throw new Error("a tag that points nowhere");
        }
    }
    feature.parts = partsOf(feature.commands, feature.type);
    checkParts(feature.parts, feature.type);
}

/** The tile's layers, with `parts` for each feature; throws on a broken rule. */
export function decode(bytes) {
    const layers = new Pbf(bytes).readFields((tag, list, pbf) => {
        if (tag === 3) {
            list.push(pbf.readMessage(readLayer, {name: null, version: 1,
                extent: 4096, features: [], keys: [], values: []}));
        }
    }, []);
    const names = new Set(layers.map((layer) => layer.name));
    if (names.has(null) || names.size !== layers.length) {
        throw new Error("a layer without a name of its own");
    }
    for (const layer of layers) {
        layer.features.forEach((feature) => checkFeature(feature, layer));
    }
    return layers;
}
