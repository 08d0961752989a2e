"""Makes types.parquet, nested.parquet, times.parquet and int96.parquet: small files as pyarrow writes them.

Run with pyarrow installed: python3 goldens/make_parquet.py
"""

import datetime
import decimal
import pathlib

import numpy
import pyarrow
import pyarrow.parquet

folder = pathlib.Path(__file__).parent
moment = datetime.datetime(2024, 2, 29, 10, 11, 12, 500000)
epoch = datetime.datetime(1970, 1, 1)
D = decimal.Decimal
columns = {
    "int8": pyarrow.array([-7, 100, None], pyarrow.int8()),
    "int64": pyarrow.array([-5000000000, 3, None], pyarrow.int64()),
    "uint32": pyarrow.array([4000000000, 0, None], pyarrow.uint32()),
    "long": pyarrow.array([9007199254740993, -9007199254740995, None], pyarrow.int64()),
    "ulong": pyarrow.array([18446744073709551615, 1, None], pyarrow.uint64()),
    "float32": pyarrow.array([0.5, -1.25, None], pyarrow.float32()),
    "float64": pyarrow.array([0.1, 1e-300, None], pyarrow.float64()),
    "float16": pyarrow.array([numpy.float16(1.5), numpy.float16(-2), None], pyarrow.float16()),
    "truth": pyarrow.array([True, False, None]),
    "text": pyarrow.array(["élan", "b", None]),
    "dictionary": pyarrow.array(["x", "y", None]).dictionary_encode(),
    "decimal9": pyarrow.array([D("-12.34"), D("0.01"), None], pyarrow.decimal128(9, 2)),
    "decimal18": pyarrow.array([D("1234567890.5"), D("-0.125"), None], pyarrow.decimal128(18, 3)),
    "decimal38": pyarrow.array([D("-1.5"), D("2.25"), None], pyarrow.decimal128(38, 10)),
    "date": pyarrow.array([moment.date(), datetime.date(1969, 12, 31), None], pyarrow.date32()),
    "millis": pyarrow.array([moment, epoch, None], pyarrow.timestamp("ms")),
    "micros": pyarrow.array([moment, epoch, None], pyarrow.timestamp("us", "UTC")),
    "nanos": pyarrow.array([moment, epoch, None], pyarrow.timestamp("ns")),
    "nothing": pyarrow.array([None, None, None], pyarrow.null()),
    "required": pyarrow.array([1, 2, 3], pyarrow.int32()),
}
fields = [pyarrow.field(name, values.type, nullable=name != "required") for name, values in columns.items()]
table = pyarrow.table(list(columns.values()), schema=pyarrow.schema(fields))
codecs = {name: ["SNAPPY", "ZSTD", "GZIP", "NONE"][place % 4] for place, name in enumerate(columns)}
pyarrow.parquet.write_table(table, folder / "types.parquet", row_group_size=2, compression=codecs)
nested = pyarrow.table({"list": pyarrow.array([[1, 2], [3]])})
pyarrow.parquet.write_table(nested, folder / "nested.parquet")
times = pyarrow.table({"time": pyarrow.array([datetime.time(10, 11)], pyarrow.time32("ms"))})
pyarrow.parquet.write_table(times, folder / "times.parquet")
old = pyarrow.table({"t": pyarrow.array([moment], pyarrow.timestamp("ns"))})
pyarrow.parquet.write_table(old, folder / "int96.parquet", use_deprecated_int96_timestamps=True)
