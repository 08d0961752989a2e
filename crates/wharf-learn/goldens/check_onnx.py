"""Runs the models that the test `graphs_agree_with_onnx_runtime` wrote, and compares.

    python check_onnx.py FOLDER        # needs numpy, onnx, onnxruntime

FOLDER holds for each `NAME` the files `NAME.onnx`, `NAME.rows` (float32) and `NAME.expected` (float64), and `NAME.json`
with `columns`, `outputs` (numbers per row), `classes` (whether they are probabilities), `tolerance` and `differing` (the
part of the rows that may differ by more). Prints a line per model and `agrees` at the end.
"""

import json
import sys
from pathlib import Path

import numpy
import onnx
import onnxruntime


def check(path):
    case = json.loads(path.read_text())
    model = onnx.load(str(path.with_suffix(".onnx")))
    onnx.checker.check_model(model, full_check=True)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    rows = numpy.fromfile(path.with_suffix(".rows"), dtype="<f4").reshape(-1, case["columns"])
    expected = numpy.fromfile(path.with_suffix(".expected"), dtype="<f8").reshape(-1, case["outputs"])
    assert session.get_inputs()[0].name == "features" and session.get_inputs()[0].shape == ["batch", case["columns"]]
    outputs = dict(zip([o.name for o in session.get_outputs()], session.run(None, {"features": rows})))
    actual = outputs["probabilities" if case["classes"] else "prediction"]
    assert actual.dtype == numpy.float32 and actual.shape == expected.shape, (actual.shape, expected.shape)
    errors = numpy.abs(actual - expected).max(axis=1) / max(1.0, numpy.abs(expected).max())
    assert not numpy.isnan(errors).any(), "NaN"
    near = errors <= case["tolerance"]
    print(path.stem, "largest error", errors[near].max(), "differing", int((~near).sum()))
    assert (~near).mean() <= case["differing"], errors.max()
    if case["classes"]:
        assert outputs["classes"].dtype == numpy.int64 and outputs["classes"].shape == (len(rows),)
        same = outputs["classes"] == expected.argmax(axis=1)
        # Where two classes are equally probable up to rounding, either will do.
        top = numpy.sort(expected, axis=1)
        assert (same | ~near | (top[:, -1] - top[:, -2] <= 2 * case["tolerance"])).all(), "classes differ"
    single = session.run(None, {"features": rows[:1]})
    assert len(single[0]) == 1


for path in sorted(Path(sys.argv[1]).glob("*.json")):
    check(path)
print("agrees")
