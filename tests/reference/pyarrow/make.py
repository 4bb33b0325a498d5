"""Write the Parquet files of this folder, as pyarrow does (made with pyarrow 26.0.1; in no environment of ours)."""

import datetime as dt
import decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

HERE = Path(__file__).parent
DAY, MOMENT = dt.date(2020, 1, 2), dt.datetime(2020, 1, 2, 3, 4, 5)

each_type = pa.table(
    {
        "client": pa.array(["a", "b", None]),
        "f32": pa.array([47.3, None, 2.5], pa.float32()),
        "f64": pa.array([1.5, float("nan"), None]),
        "i8": pa.array([1, None, 3], pa.int8()),
        "u64": pa.array([1, 2**63, None], pa.uint64()),
        "b": pa.array([True, None, False]),
        "dic": pa.array(["x", None, "y"]).dictionary_encode(),
        "dec": pa.array([decimal.Decimal("1.20"), None, decimal.Decimal("3.00")]),
        "date": pa.array([DAY, None, dt.date(1999, 1, 1)]),
        "ts": pa.array([MOMENT, None, None], pa.timestamp("us")),
        "tsz": pa.array([MOMENT, None, None], pa.timestamp("ns", tz="UTC")),
        "tm": pa.array([dt.time(1, 2, 3), None, None]),
        "bin": pa.array([b"ab", None, b"\xff"]),
        "f16": pa.array([1.5, None, 2.0], pa.float16()),
        "nul": pa.nulls(3),
        "ls": pa.array(["q", None, "r"], pa.large_string()),
        "dur": pa.array([1, None, 2], pa.duration("s")),
        "__index_level_0__": pa.array([0, 1, 2]),
    }
)
pq.write_table(each_type, HERE / "each_type.parquet")
twice = pa.Table.from_arrays([pa.array(["a"]), pa.array(["b"])], names=["x", "x"])
pq.write_table(twice, HERE / "one_name_twice.parquet")
