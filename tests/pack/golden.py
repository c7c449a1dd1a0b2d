#!/usr/bin/python3
"""Print golden.h: the bytes of a small tileset, made from the rules of
docs/format.md alone and by none of the library's code.

    tests/pack/golden.py > tests/pack/golden.h
"""
import ctypes
import hashlib
import struct

XXH = ctypes.CDLL("libxxhash.so.0")
XXH.XXH3_64bits.restype = ctypes.c_uint64
XXH.XXH3_64bits.argtypes = [ctypes.c_char_p, ctypes.c_size_t]
XXH.XXH3_64bits_withSeed.restype = ctypes.c_uint64
XXH.XXH3_64bits_withSeed.argtypes = [
    ctypes.c_char_p, ctypes.c_size_t, ctypes.c_uint64]

PNG, JPEG, MVT = 1, 2, 4
GZIP = 1
TILEJSON = b'{"tilejson":"3.0.0","name":"golden"}'
REPORT = b"{}"
SOURCE = b"name=golden\n"
EPOCH = 1700000000
PACK_SIZE = 4 << 20


def hash64(data, seed=None):
    if seed is None:
        return XXH.XXH3_64bits(data, len(data))
    return XXH.XXH3_64bits_withSeed(data, len(data), seed)


def pad(data, to):
    return data + bytes(-len(data) % to)


def sealed(page):
    """A header of 4096 bytes with its checksum (4.1, 6.2)."""
    page = pad(page, 4096)[:4088]
    return page + struct.pack("<Q", hash64(page))


def blob(payload, form, encoding):
    """4.4"""
    flags = form | encoding << 8 | (1 << 16 if not payload else 0)
    rest = struct.pack("<II", len(payload), flags) + payload
    return pad(struct.pack("<Q", hash64(rest)) + rest, 16)


def pack_file():
    blobs = [blob(b"world", PNG, 0), blob(b"ocean", PNG, 0),
             blob(b"", MVT, 0), blob(b"seventeen bytes!!", MVT, GZIP)]
    places, at = [], 1
    for one in blobs:
        places.append(at)
        at += len(one) // 16
    world, ocean, empty, land = places
    entries = [(0, world), (1, ocean), (3, 0), (4, empty), (5, land), (6, 0),
               (9, ocean)]
    index = b"".join(struct.pack("<II", *entry) for entry in entries)
    data = b"".join(blobs)
    data_off = 4096 + len(pad(index, 16))
    header = struct.pack(
        "<8sIIIIQQQQQQQQI", b"\x89IBXPK\r\n", 1, 0, 0, 0, 0, 9, len(entries),
        6, len(blobs), data_off, len(data), hash64(index), 0)
    return sealed(header) + pad(index, 16) + data


def manifest_file(pack):
    formats = 1 << PNG | 1 << MVT
    payloads = 5 + 5 + 0 + 17
    first_ids = struct.pack("<Q", 0)
    record = struct.pack("<Q32sQQQQIIII", 9, hashlib.sha256(pack).digest(),
                         len(pack), 6, 4, payloads, 17, formats, 0, 0)
    header = struct.pack(
        "<8sIIIIQQQQ", b"\x89IBXMF\r\n", 1, 0, 0, 0, 1, 6 * 4096, 1, 2)
    header += struct.pack("<QQQQQQ", 3, len(TILEJSON), 4, len(REPORT), 5,
                          len(SOURCE)) + bytes(16)
    header += struct.pack("<BBHIQQQQQQq", 0, 2, 256, formats, 6, 4, len(pack),
                          payloads, 17, PACK_SIZE, EPOCH)
    out = sealed(header)
    for number, section in enumerate(
            [first_ids, record, TILEJSON, REPORT, SOURCE], 1):
        page = pad(section, 4088)
        out += page + struct.pack("<Q", hash64(page, number))
    return out


def parts(data):
    """The rows of 16 bytes that are not all zero, joined where they touch."""
    row = 0
    while row < len(data):
        if not any(data[row:row + 16]):
            row += 16
            continue
        end = row
        while end < len(data) and any(data[end:end + 16]):
            end += 16
        yield row, data[row:end]
        row = end


def show(name, data):
    print(f"\nenum {{ {name.upper()}_NBYTES = {len(data)} }};\n")
    print(f"static const char {name}_sha256[] =")
    print(f'    "{hashlib.sha256(data).hexdigest()}";\n')
    print(f"static const struct golden_part {name}[] = {{")
    for off, part in parts(data):
        rows = [part[i:i + 16].hex(" ") for i in range(0, len(part), 16)]
        body = ' "\n           "'.join(rows)
        print(f'    {{{off}, "{body}"}},')
    print("};")


print("""\
/* golden.h - a small tileset, byte by byte: the worked example of
 * docs/format.md section 9. Made by golden.py, which shares no code with the
 * library; all bytes not listed are 0.
 *
 *   id 0      0/0/0          PNG           "world"
 *   id 1, 2   1/0/0, 1/0/1   PNG           "ocean": a run
 *   id 3      1/1/1          absent: a hole
 *   id 4      1/1/0          MVT           present but empty
 *   id 5      2/0/0          MVT, gzipped  "seventeen bytes!!"
 *   id 9      2/0/2          PNG           "ocean" again: the same blob
 *
 * Pack size 4 MiB, tiles of 256 pixels, SOURCE_DATE_EPOCH 1700000000. */
#ifndef IBX_TESTS_PACK_GOLDEN_H
#define IBX_TESTS_PACK_GOLDEN_H

#include <stdint.h>

/* Bytes in hexadecimal and where they stand. */
struct golden_part {
    uint64_t off;
    const char *hex;
};

/* clang-format off */""")
for text_name, text in [("tilejson", TILEJSON), ("report", REPORT),
                        ("source", SOURCE)]:
    quoted = text.decode().replace('"', '\\"').replace("\n", "\\n")
    print(f'static const char golden_{text_name}[] = "{quoted}";')
the_pack = pack_file()
show("golden_pack", the_pack)
show("golden_manifest", manifest_file(the_pack))
print("/* clang-format on */\n\n#endif")
