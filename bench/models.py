"""Builds the models that `make bench` serves: the shapes of well-known networks with random weights.

Usage: models.py FOLDER. Writes resnet50.onnx, minilm.onnx and busy.onnx into FOLDER. Needs the packages of requirements.txt.
Speed does not depend on what the weights are, as long as nothing is denormal, infinite or NaN; the seed is fixed, so
that every run measures the same files.
"""

import pathlib
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET = 17
SEED = 20240501


class Graph:
    """Collects nodes and weights."""

    def __init__(self):
        self.nodes = []
        self.weights = []
        self.random = np.random.default_rng(SEED)

    def constant(self, array, dtype=np.float32):
        name = f"w{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.asarray(array, dtype=dtype), name))
        return name

    def normal(self, shape, deviation):
        return self.constant(self.random.standard_normal(shape, dtype=np.float32) * deviation)

    def node(self, op, *inputs, **attributes):
        name = f"t{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, list(inputs), [name], **attributes))
        return name

    def save(self, path, inputs, output, shape):
        """Renames the last value to `output` and writes the model."""
        self.nodes[-1].output[0] = output
        infos = [helper.make_tensor_value_info(*info) for info in inputs]
        outputs = [helper.make_tensor_value_info(output, TensorProto.FLOAT, shape)]
        graph = helper.make_graph(self.nodes, path.stem, infos, outputs, self.weights)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)
        onnx.checker.check_model(model)
        onnx.save(model, path)


def convolution(graph, x, inputs, outputs, kernel, stride=1, relu=True):
    """A convolution as it is served: its batch normalisation folded in."""
    # He's deviation keeps activations of one size through all layers.
    weights = graph.normal((outputs, inputs, kernel, kernel), np.sqrt(2.0 / (inputs * kernel * kernel)))
    bias = graph.normal((outputs,), 0.01)
    pad = [kernel // 2] * 4
    x = graph.node("Conv", x, weights, bias, kernel_shape=[kernel] * 2, strides=[stride] * 2, pads=pad)
    return graph.node("Relu", x) if relu else x


def bottleneck(graph, x, inputs, width, stride):
    """He et al. 2015, with the stride in the 3x3 layer."""
    outputs = 4 * width
    shortcut = x
    if inputs != outputs or stride != 1:
        shortcut = convolution(graph, x, inputs, outputs, 1, stride, relu=False)
    x = convolution(graph, x, inputs, width, 1)
    x = convolution(graph, x, width, width, 3, stride)
    x = convolution(graph, x, width, outputs, 1, relu=False)
    # Half of each keeps the sum from growing from block to block.
    x = graph.node("Mul", graph.node("Add", x, shortcut), graph.constant(0.5))
    return graph.node("Relu", x)


def resnet50(path):
    graph = Graph()
    x = convolution(graph, "input", 3, 64, 7, 2)
    x = graph.node("MaxPool", x, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    inputs = 64
    for stage, (width, blocks) in enumerate([(64, 3), (128, 4), (256, 6), (512, 3)]):
        for block in range(blocks):
            x = bottleneck(graph, x, inputs, width, 2 if stage > 0 and block == 0 else 1)
            inputs = 4 * width
    x = graph.node("Flatten", graph.node("GlobalAveragePool", x))
    graph.node("Gemm", x, graph.normal((2048, 1000), 0.02), graph.normal((1000,), 0.01))
    graph.save(path, [("input", TensorProto.FLOAT, ["batch", 3, 224, 224])], "logits", ["batch", 1000])


def dense(graph, x, inputs, outputs):
    x = graph.node("MatMul", x, graph.normal((inputs, outputs), 0.02))
    return graph.node("Add", x, graph.normal((outputs,), 0.02))


def layer_norm(graph, x, width):
    ones, zeros = graph.constant(np.ones(width)), graph.constant(np.zeros(width))
    return graph.node("LayerNormalization", x, ones, zeros, axis=-1, epsilon=1e-12)


def gelu(graph, x):
    erf = graph.node("Erf", graph.node("Mul", x, graph.constant(np.sqrt(0.5))))
    half = graph.node("Mul", x, graph.constant(0.5))
    return graph.node("Mul", half, graph.node("Add", erf, graph.constant(1.0)))


def attention(graph, x, bias, width, heads):
    split = graph.constant([0, 0, heads, width // heads], np.int64)
    joined = graph.constant([0, 0, width], np.int64)

    def head(order):
        return graph.node("Transpose", graph.node("Reshape", dense(graph, x, width, width), split), perm=order)

    query, key, value = head([0, 2, 1, 3]), head([0, 2, 3, 1]), head([0, 2, 1, 3])
    scores = graph.node("Mul", graph.node("MatMul", query, key), graph.constant((width // heads) ** -0.5))
    shares = graph.node("Softmax", graph.node("Add", scores, bias), axis=-1)
    mixed = graph.node("Transpose", graph.node("MatMul", shares, value), perm=[0, 2, 1, 3])
    return dense(graph, graph.node("Reshape", mixed, joined), width, width)


def embeddings(graph, width):
    words = graph.node("Gather", graph.normal((30522, width), 0.02), "input_ids")
    types = graph.node("Gather", graph.normal((2, width), 0.02), "token_type_ids")
    length = graph.node("Slice", graph.node("Shape", "input_ids"), *(graph.constant([i], np.int64) for i in (1, 2)))
    first, axis = graph.constant([0], np.int64), graph.constant([0], np.int64)
    places = graph.node("Slice", graph.normal((512, width), 0.02), first, length, axis)
    return layer_norm(graph, graph.node("Add", graph.node("Add", words, types), places), width)


def minilm(path, width=384, heads=12, layers=6):
    graph = Graph()
    mask = graph.node("Cast", "attention_mask", to=TensorProto.FLOAT)
    mask = graph.node("Unsqueeze", mask, graph.constant([1, 2], np.int64))
    hidden = graph.node("Sub", graph.constant(1.0), mask)
    bias = graph.node("Mul", hidden, graph.constant(-10000.0))
    x = embeddings(graph, width)
    for _ in range(layers):
        x = layer_norm(graph, graph.node("Add", x, attention(graph, x, bias, width, heads)), width)
        inner = dense(graph, gelu(graph, dense(graph, x, width, 4 * width)), 4 * width, width)
        x = layer_norm(graph, graph.node("Add", x, inner), width)
    names = ["input_ids", "attention_mask", "token_type_ids"]
    inputs = [(name, TensorProto.INT64, ["batch", "length"]) for name in names]
    graph.save(path, inputs, "last_hidden_state", ["batch", "length", width])


def busy(path, width=512, rows=64, layers=5):
    """A few milliseconds of work for a small request, for the overload."""
    graph = Graph()
    x = graph.node("Unsqueeze", "x", graph.constant([1], np.int64))
    x = graph.node("Tile", x, graph.constant([1, rows, 1], np.int64))
    for _ in range(layers):
        x = graph.node("Tanh", graph.node("MatMul", x, graph.normal((width, width), width**-0.5)))
    graph.node("ReduceMean", x, axes=[1, 2], keepdims=0)
    graph.save(path, [("x", TensorProto.FLOAT, ["batch", width])], "y", ["batch"])


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: models.py FOLDER")
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name, build in [("resnet50", resnet50), ("minilm", minilm), ("busy", busy)]:
        partial = folder / f"{name}.partial.onnx"
        build(partial)
        # Whole or not there: a run that was interrupted leaves no half of a model.
        partial.replace(folder / f"{name}.onnx")
        print(f"built {name}.onnx")


if __name__ == "__main__":
    main()
