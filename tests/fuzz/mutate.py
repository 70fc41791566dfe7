"""Damage: of JSON values, of safetensors and npy headers, of bytes. Every function is its random source's alone."""

import json
import random
import struct
from typing import Any

_VALUES: tuple[Any, ...] = (
    None, True, False, -1, 0, 1, 2, 3, 7, 9, 64, 255, 256, 1.5, -0.5, 1e-300, 1e308, 10**6, 2**31,
    2**53, 2**63, 10**30, 10**400,
    "", "x", "nan", "../../etc/passwd", "a;touch X;b", "é" * 40, "x" * 5000,
    [], [[]], [1], [1, True], [[[[0]]]], {}, {"a": 1},
)  # fmt: skip


def places(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of every value inside of `value`."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place for key, item in inner for place in ((*at, key), *places(item, (*at, key)))]


def damaged_json(text: str, draw: random.Random) -> str:
    """A record with one or two of its values changed, lost, doubled, or its text cut."""
    kind = draw.random()
    if kind < 0.05:
        return text[: draw.randrange(len(text))]
    if kind < 0.1:
        return _flipped(text.encode(), draw).decode("utf-8", "replace")
    record = json.loads(text)
    for _ in range(draw.choice((1, 1, 1, 2))):
        _change(record, draw)
    written = json.dumps(record)
    if kind < 0.14:
        key = draw.choice(list(record) or ["schema"])
        written = written[:-1] + f", {json.dumps(key)}: {json.dumps(draw.choice(_VALUES))}}}"
    return written.replace('"nan"', "NaN") if kind < 0.2 else written


def _change(record: Any, draw: random.Random) -> None:
    found = places(record)
    if not found:
        return
    *outer, last = draw.choice(found)
    holder = record
    for key in outer:
        holder = holder[key]
    kind = draw.randrange(6)
    if kind == 0:
        del holder[last]
    elif kind == 1 and isinstance(holder, list):
        holder.insert(last, holder[last])
    elif kind == 2 and isinstance(holder[last], int | float):
        old = holder[last]
        real = float(old) if abs(old) < 1e308 else 1e308
        holder[last] = draw.choice((-old, old + 1, old - 1, old * 10**6, real))
    else:
        holder[last] = draw.choice(_VALUES)


def _flipped(data: bytes, draw: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(draw.randint(1, 8)):
        if changed:
            changed[draw.randrange(len(changed))] = draw.randrange(256)
    return bytes(changed)


def damaged_bytes(data: bytes, draw: random.Random) -> bytes:
    """A file that is cut, grown, or has other bytes somewhere, more often at its beginning."""
    kind = draw.randrange(5)
    if kind == 0:
        return data[: draw.randrange(len(data))]
    if kind == 1:
        return data + draw.randbytes(draw.randint(1, 100))
    if kind == 2:
        head = min(len(data), 200)
        return _flipped(data[:head], draw) + data[head:]
    if kind == 3:
        start = draw.randrange(len(data))
        return data[:start] + draw.choice((b"\0", b"\xff")) * draw.randint(1, 64) + data[start + 8 :]
    return _flipped(data, draw)


def damaged_tensors(data: bytes, draw: random.Random, texts: bool = False) -> bytes:
    """A safetensors file whose header or numbers are not what they were, or, with `texts`, JSON in its metadata."""
    size = struct.unpack("<Q", data[:8])[0]
    header, body = json.loads(data[8 : 8 + size]), data[8 + size :]
    kind = draw.randrange(6)
    if texts and draw.random() < 0.5:
        key = draw.choice(sorted(header["__metadata__"]))
        text = header["__metadata__"][key]
        changed = damaged_json(f'{{"it": {text}}}', draw)
        header["__metadata__"][key] = changed.removeprefix('{"it": ').removesuffix("}")
        return _packed(header, body)
    if kind == 0:
        return damaged_bytes(data, draw)
    if kind == 1:
        return struct.pack("<Q", draw.choice((0, 1, 2**31, 2**63, size - 1, size + 8))) + data[8:]
    if kind == 2:
        name = draw.choice([key for key in header if key != "__metadata__"])
        header[name]["dtype"] = draw.choice(("BF16", "F8_E4M3", "F64", "F32", "I64", "I8", "U8", "BOOL", "F16", "?"))
    elif kind == 3:
        _change(header, draw)
    elif kind == 4 and body:  # numbers that a network cannot have
        name = draw.choice([key for key in header if key != "__metadata__"])
        begin, end = header[name]["data_offsets"]
        word = draw.choice((bytes(8), b"\xff" * 8, struct.pack("<ff", 1e38, -1e38), struct.pack("<d", float("nan"))))
        fill = (word * ((end - begin) // 8 + 1))[: end - begin]
        body = body[:begin] + fill + body[end:]
    else:
        body = _flipped(body, draw)
    return _packed(header, body)


def _packed(header: Any, body: bytes) -> bytes:
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + body


_HEADERS = (
    "(" * 60, "{'descr': '|u1', 'fortran_order': False, 'shape': (True, 4, 4, 1), }",
    "{'descr': '|u1', 'fortran_order': False, 'shape': (10**12,), }",
    "{'descr': '|u1', 'fortran_order': False, 'shape': (1000000000000000,), }",
    "{'descr': '|u1', 'fortran_order': False, 'shape': (-1, 4, 4, 1), }",
    "{'descr': '|u1', 'fortran_order': False, 'shape': (4.0, 4, 4, 1), }",
    "{'descr': '|O', 'fortran_order': False, 'shape': (4, 4, 4, 1), }",
    "{'descr': [('a', '|u1')], 'fortran_order': True, 'shape': (4,), }", "{'descr': '|V99999999999'", "{}", "None", "1",
    "{'descr': 'U1', 'fortran_order': 0, 'shape': ()}", "[" * 900, "{'a': 1e999}", "\0" * 20, "'''",
    "{'descr': '<M8[ns]'}",
)  # fmt: skip


def damaged_npy(data: bytes, draw: random.Random) -> bytes:
    """An npy member with another header, or damaged anywhere."""
    if draw.random() < 0.5:
        return damaged_bytes(data, draw)
    text = draw.choice(_HEADERS).encode().ljust(117)[:2000] + b"\n"
    version = draw.choice((b"\x01\x00", b"\x02\x00", b"\x03\x00", b"\x09\x00"))
    size = struct.pack("<H", len(text)) if version == b"\x01\x00" else struct.pack("<I", len(text))
    return b"\x93NUMPY" + version + size + text + data[128:]
