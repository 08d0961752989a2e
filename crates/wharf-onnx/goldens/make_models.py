"""Writes small models with what the builder does not make: branches, functions, typed data, odd types.

    python make_models.py       # needs onnx, numpy
"""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

HERE = Path(__file__).parent


def save(name, graph, functions=(), opset=17, ir_version=8, **metadata):
    imports = [helper.make_opsetid("", opset)]
    imports += [helper.make_opsetid(function.domain, 1) for function in functions]
    model = helper.make_model(graph, opset_imports=imports, ir_version=ir_version, functions=list(functions))
    helper.set_model_props(model, {key: str(value) for key, value in metadata.items()})
    onnx.checker.check_model(model, full_check=True)
    (HERE / f"{name}.onnx").write_bytes(model.SerializeToString())


def info(name, kind, shape):
    return helper.make_tensor_value_info(name, kind, shape)


# A branch whose bodies use values of the graph around them.
double = helper.make_graph([helper.make_node("Add", ["x", "x"], ["a"])], "double", [], [info("a", 1, ["n", 2])])
shift = helper.make_graph([helper.make_node("Add", ["x", "c"], ["b"])], "shift", [], [info("b", 1, ["n", 2])])
save(
    "branch",
    helper.make_graph(
        [
            helper.make_node("Constant", [], ["c"], value_floats=[1.0, 2.0]),
            helper.make_node("If", ["which"], ["y"], then_branch=double, else_branch=shift),
        ],
        "branch",
        [info("which", TensorProto.BOOL, []), info("x", 1, ["n", 2])],
        [info("y", 1, ["n", 2])],
    ),
    author="a script",
)

# Constants in every typed field and as raw data, of every element type.
constants = [
    helper.make_tensor("float", TensorProto.FLOAT, [2], [1.5, -2.5]),
    helper.make_tensor("double", TensorProto.DOUBLE, [2], [1.5, -2.5]),
    helper.make_tensor("int64", TensorProto.INT64, [2], [-(2**40), 3]),
    helper.make_tensor("int32", TensorProto.INT32, [2], [-7, 3]),
    helper.make_tensor("int16", TensorProto.INT16, [2], [-7, 3]),
    helper.make_tensor("int8", TensorProto.INT8, [2], [-7, 3]),
    helper.make_tensor("uint8", TensorProto.UINT8, [2], [250, 3]),
    helper.make_tensor("uint16", TensorProto.UINT16, [2], [65000, 3]),
    helper.make_tensor("uint32", TensorProto.UINT32, [2], [2**32 - 1, 3]),
    helper.make_tensor("uint64", TensorProto.UINT64, [2], [2**64 - 1, 3]),
    helper.make_tensor("bool", TensorProto.BOOL, [2], [True, False]),
    helper.make_tensor("float16", TensorProto.FLOAT16, [2], np.array([1.5, -2.5], np.float16)),
    helper.make_tensor("bfloat16", TensorProto.BFLOAT16, [2], [1.5, -2.5]),
    helper.make_tensor("string", TensorProto.STRING, [2], [b"a", b"\xff\x00b"]),
    helper.make_tensor("int4", TensorProto.INT4, [3], [1, -2, 3]),
    numpy_helper.from_array(np.array([[1.5, -2.5]], np.float32), "raw"),
    numpy_helper.from_array(np.zeros((0, 3), np.float32), "empty"),
]
save(
    "constants",
    helper.make_graph(
        [helper.make_node("Identity", ["x"], ["y"])],
        "constants",
        [info("x", TensorProto.STRING, [None, 1]), info("raw", 1, [1, 2])],
        [info("y", TensorProto.STRING, [None, 1])],
        initializer=constants,
    ),
    opset=21,
    ir_version=10,
)

# A function, and an output that is no tensor.
twice = helper.make_function(
    "own", "Twice", ["a"], ["b"], [helper.make_node("Add", ["a", "a"], ["b"])], [helper.make_opsetid("", 17)]
)
sequence = helper.make_tensor_sequence_value_info("s", TensorProto.FLOAT, ["n"])
save(
    "function",
    helper.make_graph(
        [
            helper.make_node("Twice", ["x"], ["y"], domain="own"),
            helper.make_node("SequenceConstruct", ["x", "y"], ["s"]),
        ],
        "function",
        [info("x", 1, ["n"])],
        [info("y", 1, ["n"]), sequence],
    ),
    functions=[twice],
)
