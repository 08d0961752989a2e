"""Makes `test_batch` and `batches.meta`: pickles in the shape of CIFAR-10's Python version, with two pictures.

Run with numpy installed: python3 goldens/make.py
Pickled as Python 2 did it: protocol 2, byte strings, and the module names numpy had then.
"""

import pathlib
import pickle
import pickletools
import struct

import numpy


class Pickler:
    """Only what the files need. Texts are written as the byte strings of Python 2, which pickle 2 no longer does."""

    def __init__(self):
        self.parts = [b"\x80\x02"]

    def add(self, value):
        match value:
            case dict():
                self.parts.append(b"}(")
                for key, item in value.items():
                    self.add(key)
                    self.add(item)
                self.parts.append(b"u")
            case list():
                self.parts.append(b"](")
                for item in value:
                    self.add(item)
                self.parts.append(b"e")
            case str():
                self.parts.append(b"U" + bytes([len(value)]) + value.encode())
            case int():
                self.parts.append(b"K" + bytes([value]))
            case numpy.ndarray():
                self.array(value)

    def array(self, value):
        rows, columns = value.shape
        self.parts += [
            b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R",
            b"(K\x01K" + bytes([rows]) + b"M" + struct.pack("<H", columns) + b"\x86",
            b"cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb",
            b"\x89T" + struct.pack("<I", value.nbytes) + value.tobytes() + b"tb",
        ]

    def done(self):
        data = b"".join(self.parts) + b"."
        pickletools.dis(data, out=open("/dev/null", "w"))
        return data


def write(name, value):
    pickler = Pickler()
    pickler.add(value)
    data = pickler.done()
    read = pickle.loads(data, encoding="latin1")
    assert set(read) == set(value)
    pathlib.Path(__file__).with_name(name).write_bytes(data)


pixels = (numpy.arange(2 * 3072) * 7 % 251).astype(numpy.uint8).reshape(2, 3072)
write(
    "test_batch",
    {"batch_label": "testing batch 1 of 1", "labels": [1, 0], "data": pixels, "filenames": ["a.png", "b.png"]},
)
write("batches.meta", {"num_cases_per_batch": 2, "label_names": ["airplane", "automobile"], "num_vis": 200})
