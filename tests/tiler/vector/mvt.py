"""A decoder of vector tiles by the specification alone, for tests that ask what
a decoder made for use would hide: the type of a value, the order, the ids."""
import gzip
import struct

WIRES = {0: "varint", 1: 8, 2: "bytes", 5: 4}
VALUES = {1: "string", 2: "float", 3: "double", 4: "int", 5: "uint",
          6: "sint", 7: "bool"}


def varint(data, at):
    number, shift = 0, 0
    while True:
        byte = data[at]
        number |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return number, at


def zigzag(number):
    return (number >> 1) ^ -(number & 1)


def fields(data):
    """(number, value) of each field of a message."""
    at = 0
    while at < len(data):
        tag, at = varint(data, at)
        wire = WIRES[tag & 7]
        if wire == "varint":
            value, at = varint(data, at)
        else:
            size, at = varint(data, at) if wire == "bytes" else (wire, at)
            value, at = data[at:at + size], at + size
        yield tag >> 3, value


def packed(data):
    numbers, at = [], 0
    while at < len(data):
        number, at = varint(data, at)
        numbers.append(number)
    return numbers


def value_of(data):
    """(type, value) of the one field that a value has."""
    [(number, raw)] = fields(data)
    kind = VALUES[number]
    if kind == "string":
        return kind, raw.decode("utf-8")
    if kind in ("float", "double"):
        return kind, struct.unpack("<f" if kind == "float" else "<d", raw)[0]
    if kind == "bool":
        return kind, bool(raw)
    if kind == "int":
        return kind, raw - (1 << 64) if raw >= 1 << 63 else raw
    return kind, zigzag(raw) if kind == "sint" else raw


def parts_of(commands):
    parts, x, y, at = [], 0, 0, 0
    while at < len(commands):
        command, count = commands[at] & 7, commands[at] >> 3
        at += 1
        if command == 1:
            parts.append([])
        if command == 7:
            continue
        for _ in range(count):
            x, y = x + zigzag(commands[at]), y + zigzag(commands[at + 1])
            parts[-1].append((x, y))
            at += 2
    return parts


def feature_of(data, keys, values):
    feature = {"id": None, "properties": {}}
    for number, value in fields(data):
        if number == 1:
            feature["id"] = value
        elif number == 2:
            tags = packed(value)
            feature["properties"] = {
                keys[k]: values[v] for k, v in zip(tags[::2], tags[1::2])}
        elif number == 3:
            feature["type"] = value
        elif number == 4:
            feature["parts"] = parts_of(packed(value))
    return feature


def decode(data):
    """{layer: [features]}; properties are {key: (type, value)}."""
    if data[:2] == b"\x1f\x8b":
        data = gzip.decompress(data)
    tile = {}
    for number, layer in fields(data):
        assert number == 3
        names, keys, values, found = [], [], [], []
        for what, value in fields(layer):
            if what == 1:
                names.append(value.decode("utf-8"))
            elif what == 2:
                found.append(value)
            elif what == 3:
                keys.append(value.decode("utf-8"))
            elif what == 4:
                values.append(value_of(value))
        [name] = names
        assert name not in tile
        tile[name] = [feature_of(f, keys, values) for f in found]
    return tile
