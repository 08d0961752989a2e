"""Writes small batches in the form of CIFAR-10's python version, and what they hold.

    python make_cifar.py        # needs numpy

`py2.pickle` is in the form that Python 2 wrote the published batches in: strings are BINSTRING and
SHORT_BINSTRING, and the array's module has its numpy 1 name.
"""

import json
import pickle
import struct
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
N, D = 3, 12

rng = np.random.default_rng(7)
data = rng.integers(0, 256, (N, D), dtype=np.uint8)
labels = [6, 9, 0]
names = ["camion_s_000148.png", "leptodactylus_s.png", "x.png"]


def python3(protocol, keys_are_bytes):
    key = (lambda s: s.encode()) if keys_are_bytes else (lambda s: s)
    batch = {
        key("batch_label"): key("training batch 1 of 5"),
        key("labels"): labels,
        key("data"): data,
        key("filenames"): [key(name) for name in names],
    }
    return pickle.dumps(batch, protocol=protocol)


def python2():
    memo = iter(range(256))

    def put():
        return b"q" + bytes([next(memo)])

    def text(s):
        return b"U" + bytes([len(s)]) + s + put()

    def long_text(s):
        return b"T" + struct.pack("<i", len(s)) + s + put()

    def global_(module, name):
        return b"c" + module + b"\n" + name + b"\n" + put()

    dtype = (
        global_(b"numpy", b"dtype") + b"(" + text(b"u1") + b"K\x00K\x01t" + put() + b"R" + put()
        + b"(K\x03" + text(b"|") + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00t" + put() + b"b"
    )
    array = (
        global_(b"numpy.core.multiarray", b"_reconstruct")
        + b"(" + global_(b"numpy", b"ndarray") + b"K\x00\x85" + put() + text(b"b") + b"t" + put() + b"R" + put()
        + b"(K\x01(K" + bytes([N]) + b"K" + bytes([D]) + b"t" + put() + dtype
        + b"\x89" + long_text(data.tobytes()) + b"t" + put() + b"b"
    )
    ints = b"]" + put() + b"(" + b"".join(b"K" + bytes([label]) for label in labels) + b"e"
    files = b"]" + put() + b"(" + b"".join(text(name.encode()) for name in names) + b"e"
    return (
        b"\x80\x02}" + put() + b"(" + text(b"data") + array + text(b"labels") + ints
        + text(b"batch_label") + text(b"training batch 1 of 5") + text(b"filenames") + files + b"u."
    )


files = {"py2.pickle": python2()}
for protocol in (2, 3, 4):
    files[f"protocol{protocol}.pickle"] = python3(protocol, keys_are_bytes=True)
files["text_keys.pickle"] = python3(4, keys_are_bytes=False)

for name, content in files.items():
    (HERE / name).write_bytes(content)
    encoding = "ASCII" if name == "text_keys.pickle" else "bytes"
    back = pickle.loads(content, encoding=encoding)
    key = (lambda s: s) if name == "text_keys.pickle" else (lambda s: s.encode())
    assert (back[key("data")] == data).all() and back[key("labels")] == labels, name

expected = {"shape": [N, D], "data": data.ravel().tolist(), "labels": labels, "filenames": names}
(HERE / "cifar.json").write_text(json.dumps(expected) + "\n")
