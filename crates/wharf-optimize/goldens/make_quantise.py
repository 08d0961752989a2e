"""Writes the goldens of quantisation: small nets with random weights, and what onnxruntime.quantization makes of them.

    pip install onnx onnxruntime numpy sympy
    python make_quantise.py

For each net: `<net>.onnx`, and `<net>.json` with the calibration batches, the values of all float tensors on them (the
tool's own session, without graph optimisation), the ranges of each method, and the initialisers and nodes of each
quantised model. Numbers are base64 of little-endian elements.
"""

import base64
import json
import tempfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantType, quantize_dynamic, quantize_static
from onnxruntime.quantization.calibrate import CalibrationDataReader, create_calibrator

HERE = Path(__file__).parent
METHODS = {
    "min_max": CalibrationMethod.MinMax,
    "entropy": CalibrationMethod.Entropy,
    "percentile": CalibrationMethod.Percentile,
}


def tensor(name, array, dtype=np.float32):
    return numpy_helper.from_array(np.asarray(array, dtype=dtype), name)


def model(name, nodes, inputs, outputs, initialisers):
    graph = helper.make_graph(nodes, name, inputs, outputs, initialisers)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(made)
    return onnx.shape_inference.infer_shapes(made)


def convolutions(random):
    """conv, relu, max pool, conv, add, clip, global average pool, flatten, gemm: with a residual and a tiny bias scale."""
    normal = lambda *shape: random.normal(0, 0.5, shape)
    initialisers = [
        tensor("w1", normal(6, 3, 3, 3) * np.linspace(0.1, 3, 6).reshape(6, 1, 1, 1)),
        tensor("b1", normal(6)),
        tensor("w2", normal(6, 1, 3, 3)),
        tensor("b2", np.array([0.5, -2e5, 0.1, 0.0, 3.0, -1.0])),
        tensor("w3", normal(6, 6, 1, 1)),
        tensor("wg", normal(5, 6)),
        tensor("bg", normal(5)),
        tensor("low", 0.0),
        tensor("high", 6.0),
        tensor("shift", normal(1, 6, 1, 1)),
    ]
    node = helper.make_node
    nodes = [
        node("Conv", ["x", "w1", "b1"], ["c1"], "conv1", pads=[1, 1, 1, 1], kernel_shape=[3, 3]),
        node("Relu", ["c1"], ["r1"], "relu1"),
        node("MaxPool", ["r1"], ["p1"], "pool1", kernel_shape=[2, 2], strides=[2, 2]),
        node("Conv", ["p1", "w2", "b2"], ["c2"], "conv2", pads=[1, 1, 1, 1], kernel_shape=[3, 3], group=6),
        node("Clip", ["c2", "low", "high"], ["k2"], "clip2"),
        node("Conv", ["k2", "w3"], ["c3"], "conv3", kernel_shape=[1, 1]),
        node("Add", ["c3", "p1"], ["a3"], "add3"),
        node("Relu", ["a3"], ["r3"], "relu3"),
        node("Add", ["r3", "shift"], ["s3"], "shift3"),
        node("GlobalAveragePool", ["s3"], ["g"], "gap"),
        node("Flatten", ["g"], ["f"], "flat", axis=1),
        node("Gemm", ["f", "wg", "bg"], ["y"], "gemm", transB=1, beta=0.5),
    ]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3, 8, 8])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 5])
    return model("convolutions", nodes, [x], [y], initialisers), lambda: random.normal(0.2, 1.0, (2, 3, 8, 8))


def perceptron(random):
    """gemm without transB, leaky relu, matmul, add, relu that has two users, softmax."""
    normal = lambda *shape: random.normal(0, 0.4, shape)
    initialisers = [
        tensor("wa", normal(7, 9)),
        tensor("ba", normal(9)),
        tensor("wb", normal(9, 6) * np.linspace(0.05, 2, 6)),
        tensor("bb", normal(6)),
        tensor("wc", normal(6, 4)),
        tensor("zeros", np.zeros((6, 4))),
    ]
    node = helper.make_node
    nodes = [
        node("Gemm", ["x", "wa", "ba"], ["h"], "gemm_a"),
        node("LeakyRelu", ["h"], ["l"], "leaky"),
        node("MatMul", ["l", "wb"], ["m"], "matmul_b"),
        node("Add", ["m", "bb"], ["z"], "add_b"),
        node("Relu", ["z"], ["r"], "relu_b"),
        node("MatMul", ["r", "wc"], ["logits"], "matmul_c"),
        node("MatMul", ["r", "zeros"], ["nothing"], "matmul_zeros"),
        node("Add", ["logits", "nothing"], ["sum"], "add_c"),
        node("Softmax", ["sum"], ["y"], "softmax", axis=1),
    ]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 7])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 4])
    logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", 4])
    return model("perceptron", nodes, [x], [y, logits], initialisers), lambda: random.normal(-0.3, 1.5, (2, 7))


class Reader(CalibrationDataReader):
    def __init__(self, batches):
        self.batches = iter(batches)

    def get_next(self):
        return next(self.batches, None)


def encoded(array):
    array = np.asarray(array)
    return {
        "dtype": str(array.dtype),
        "dims": list(array.shape),
        "data": base64.b64encode(array.tobytes()).decode("ascii"),
    }


def values(path, batches):
    """Every float tensor on every batch."""
    made = onnx.load(path)
    known = {info.name for info in made.graph.output}
    for info in made.graph.value_info:
        if info.type.tensor_type.elem_type == TensorProto.FLOAT and info.name not in known:
            made.graph.output.append(info)
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = ort.InferenceSession(made.SerializeToString(), options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    runs = [dict(batch, **dict(zip(names, session.run(None, batch)))) for batch in batches]
    return {name: [encoded(run[name]) for run in runs] for name in runs[0]}


def ranges(path, batches, method, options):
    with tempfile.TemporaryDirectory() as folder:
        calibrator = create_calibrator(
            path,
            augmented_model_path=str(Path(folder) / "augmented.onnx"),
            calibrate_method=method,
            extra_options=options,
        )
        calibrator.collect_data(Reader(batches))
        found = calibrator.compute_data()
    bounds = lambda data: [np.float32(np.squeeze(bound)) for bound in data.range_value]
    return {name: encoded(np.array(bounds(data))) for name, data in found.items()}


def described(path):
    made = onnx.load(path)
    return {
        "initialisers": {tensor.name: encoded(numpy_helper.to_array(tensor)) for tensor in made.graph.initializer},
        "nodes": [[node.op_type, list(node.input), list(node.output)] for node in made.graph.node],
    }


def quantised(path, batches):
    cases = []
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "quantised.onnx"
        for method_name, method in METHODS.items():
            for activation in ["QInt8", "QUInt8"]:
                for per_channel in [False, True]:
                    for reduced in [False, True] if method_name == "min_max" else [False]:
                        quantize_static(
                            path,
                            target,
                            Reader(batches),
                            quant_format=QuantFormat.QDQ,
                            activation_type=QuantType[activation],
                            weight_type=QuantType.QInt8,
                            per_channel=per_channel,
                            reduce_range=reduced,
                            calibrate_method=method,
                        )
                        case = {
                            "kind": "static",
                            "method": method_name,
                            "activation": activation,
                            "per_channel": per_channel,
                            "reduce_range": reduced,
                        }
                        cases.append(dict(case, **described(target)))
        for weight in ["QInt8", "QUInt8"]:
            for per_channel in [False, True]:
                for reduced in [False, True]:
                    quantize_dynamic(
                        path, target, weight_type=QuantType[weight], per_channel=per_channel, reduce_range=reduced
                    )
                    case = {"kind": "dynamic", "weight": weight, "per_channel": per_channel, "reduce_range": reduced}
                    cases.append(dict(case, **described(target)))
    return cases


def main():
    for make in [convolutions, perceptron]:
        random = np.random.default_rng(20261130)
        made, draw = make(random)
        path = HERE / f"{make.__name__}.onnx"
        onnx.save(made, path)
        batches = [{"x": draw().astype(np.float32)} for _ in range(5)]
        found = {name: ranges(path, batches, method, {}) for name, method in METHODS.items()}
        more = {"num_bins": 1024, "num_quantized_bins": 128}
        found["entropy_1024"] = ranges(path, batches, CalibrationMethod.Entropy, more)
        found["percentile_90"] = ranges(path, batches, CalibrationMethod.Percentile, {"percentile": 90.0})
        golden = {
            "tool": f"onnxruntime {ort.__version__}, onnx {onnx.__version__}, numpy {np.__version__}",
            "values": values(path, batches),
            "ranges": found,
            "quantised": quantised(path, batches),
        }
        (HERE / f"{make.__name__}.json").write_text(json.dumps(golden, indent=None, separators=(",", ":")) + "\n")


main()
