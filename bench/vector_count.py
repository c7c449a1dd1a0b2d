"""vector_count.py TILES.mbtiles INPUT.geojson ZOOM ATTRIBUTE - prints how many
tiles there are, their bytes, how many exceed 500,000 bytes, and how many values
of the attribute are in the input and in no tile of the zoom ("-" where INPUT
is "-"). Decodes tiles by itself, so that nobody's reader is trusted more than
another's."""
import json
import sqlite3
import struct
import sys
import zlib


def fields(data):
    """(number, value) of each field of a protobuf message."""
    at = 0

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while at < len(data):
        tag = varint()
        if tag & 7 == 0:
            yield tag >> 3, varint()
            continue
        n = {1: 8, 5: 4}.get(tag & 7)
        n = varint() if n is None else n
        yield tag >> 3, data[at:at + n]
        at += n


def text_of(value):
    """A value of a tile or of JSON as text: tools differ in number types."""
    if isinstance(value, str):
        return value
    return str(int(value)) if value == int(value) else str(value)


def decode(message):
    [(number, value)] = fields(message)
    if number == 1:
        return str(value, "utf-8")
    if number in (2, 3):
        return text_of(struct.unpack("<f" if number == 2 else "<d", value)[0])
    if number == 6:
        value = value >> 1 ^ -(value & 1)
    return text_of(value)


def values_in(tile, attribute):
    found = set()
    for number, layer in fields(tile):
        if number != 3:
            continue
        keys, values, tags = [], [], set()
        for field, value in fields(layer):
            if field == 3:
                keys.append(str(value, "utf-8"))
            elif field == 4:
                values.append(value)
            elif field == 2:
                tags.update(v for n, v in fields(value) if n == 2)
        for packed in tags:
            numbers = [v for _, v in fields(
                b"".join(b"\x08" + part for part in varints(packed)))]
            for key, value in zip(numbers[::2], numbers[1::2]):
                if keys[key] == attribute:
                    found.add(decode(values[value]))
    return found


def varints(packed):
    start = 0
    for at, byte in enumerate(packed):
        if byte < 128:
            yield packed[start:at + 1]
            start = at + 1


def main():
    path, source, zoom, attribute = sys.argv[1:]
    database = sqlite3.connect(path)
    [counts] = database.execute(
        "SELECT count(*), sum(length(tile_data)),"
        " sum(length(tile_data) > 500000) FROM tiles")
    lost = "-"
    if source != "-":
        with open(source, encoding="utf-8") as file:
            features = json.load(file)["features"]
        left = {text_of(f["properties"][attribute]) for f in features
                if f["geometry"] is not None and
                f["geometry"].get("coordinates", True) and
                f["properties"].get(attribute) is not None}
        for (tile,) in database.execute(
                "SELECT tile_data FROM tiles WHERE zoom_level = ?", (zoom,)):
            left -= values_in(zlib.decompress(tile, 47), attribute)
        lost = len(left)
    print(*counts, lost)


main()
