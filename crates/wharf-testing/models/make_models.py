"""Makes the small models that the tests run. Needs `onnx` and `numpy`; writes beside itself.

Run again, it writes the same bytes: weights come from a fixed linear congruential generator.
"""
import json
import pathlib

import numpy as np
import onnx
from onnx import TensorProto as T
from onnx import helper as h
from onnx import numpy_helper

HERE = pathlib.Path(__file__).parent
OPSET = 17

DTYPES = {
    "bool": T.BOOL, "uint8": T.UINT8, "uint16": T.UINT16, "uint32": T.UINT32, "uint64": T.UINT64,
    "int8": T.INT8, "int16": T.INT16, "int32": T.INT32, "int64": T.INT64, "float16": T.FLOAT16,
    "bfloat16": T.BFLOAT16, "float32": T.FLOAT, "float64": T.DOUBLE, "string": T.STRING,
}


def save(name, nodes, inputs, outputs, constants=()):
    onnx.checker.check_model(save_unchecked(name, h.make_graph(nodes, name, inputs, outputs, list(constants))))


def save_unchecked(name, graph):
    model = h.make_model(graph, opset_imports=[h.make_opsetid("", OPSET)], producer_name="wharf-testing")
    model.ir_version = 9
    (HERE / f"{name}.onnx").write_bytes(model.SerializeToString(deterministic=True))
    return model


def info(name, dtype, shape):
    return h.make_tensor_value_info(name, dtype, shape)


def constant(name, array):
    return numpy_helper.from_array(np.asarray(array), name)


def weights(seed, *shape, scale=1.0):
    """Numbers in [-scale, scale) that do not depend on any library's generator."""
    state, values = seed, []
    for _ in range(int(np.prod(shape))):
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        values.append(((state >> 33) / 2**31 * 2 - 1) * scale)
    return np.array(values, np.float32).reshape(shape)


def half_plus_two():
    nodes = [h.make_node("Mul", ["x", "half"], ["scaled"]), h.make_node("Add", ["scaled", "two"], ["y"])]
    consts = [constant("half", np.float32(0.5)), constant("two", np.float32(2))]
    save("half_plus_two", nodes, [info("x", T.FLOAT, ["N"])], [info("y", T.FLOAT, ["N"])], consts)


def identities():
    for name, dtype in DTYPES.items():
        nodes = [h.make_node("Identity", ["x"], ["y"])]
        save(f"identity_{name}", nodes, [info("x", dtype, ["N", "M"])], [info("y", dtype, ["N", "M"])])


def add():
    """Two inputs, two outputs, of which one is fixed in its second dimension."""
    nodes = [h.make_node("Add", ["a", "b"], ["sum"]), h.make_node("Sub", ["a", "b"], ["difference"])]
    save("add", nodes, [info("a", T.FLOAT, ["N", 2]), info("b", T.FLOAT, ["N", 2])],
         [info("sum", T.FLOAT, ["N", 2]), info("difference", T.FLOAT, ["N", 2])])


def gather():
    """Fails in the middle of a run when an index is out of range."""
    nodes = [h.make_node("Gather", ["table", "index"], ["y"])]
    save("gather", nodes, [info("index", T.INT64, ["N"])], [info("y", T.FLOAT, ["N"])],
         [constant("table", np.array([10, 20, 30], np.float32))])


def grow():
    """Gives as many numbers as it is told to: a small request for a large answer."""
    nodes = [h.make_node("ConstantOfShape", ["size"], ["y"])]
    save("grow", nodes, [info("size", T.INT64, [1])], [info("y", T.FLOAT, ["N"])])


def classifier_nodes(image):
    """A picture [N,4,4,3] in 0..1 to logits of three classes: which channel is the brightest."""
    nodes = [
        h.make_node("ReduceMean", [image], ["means"], axes=[1, 2], keepdims=0),
        h.make_node("Mul", ["means", "ten"], ["logits"]),
        h.make_node("Softmax", ["logits"], ["probabilities"], axis=1),
        h.make_node("ArgMax", ["logits"], ["classes"], axis=1, keepdims=0),
    ]
    return nodes, [constant("ten", np.float32(10))]


def classifiers():
    outputs = [info("logits", T.FLOAT, ["N", 3]), info("probabilities", T.FLOAT, ["N", 3]),
               info("classes", T.INT64, ["N"])]
    nodes, consts = classifier_nodes("image")
    save("classifier_float", nodes, [info("image", T.FLOAT, ["N", 4, 4, 3])], outputs, consts)
    nodes, consts = classifier_nodes("scaled")
    cast = [h.make_node("Cast", ["image"], ["cast"], to=T.FLOAT), h.make_node("Div", ["cast", "most"], ["scaled"])]
    save("classifier_uint8", cast + nodes, [info("image", T.UINT8, ["N", 4, 4, 3])], outputs,
         consts + [constant("most", np.float32(255))])


def lenet():
    """The seed's net for 32x32x3: conv 3-6-5x5, pool, conv 6-16-5x5, pool, 400-120-84-10."""
    consts, nodes, x = [], [], "image"
    nodes.append(h.make_node("Transpose", [x], ["nchw"], perm=[0, 3, 1, 2]))
    x = "nchw"
    for index, (out, inn) in enumerate([(6, 3), (16, 6)]):
        w, b = f"conv{index}_w", f"conv{index}_b"
        consts += [constant(w, weights(index + 1, out, inn, 5, 5, scale=(inn * 25) ** -0.5)),
                   constant(b, weights(index + 11, out, scale=(inn * 25) ** -0.5))]
        nodes += [h.make_node("Conv", [x, w, b], [f"conv{index}"]),
                  h.make_node("Relu", [f"conv{index}"], [f"relu{index}"]),
                  h.make_node("MaxPool", [f"relu{index}"], [f"pool{index}"], kernel_shape=[2, 2], strides=[2, 2])]
        x = f"pool{index}"
    nodes.append(h.make_node("Flatten", [x], ["flat"], axis=1))
    x = "flat"
    for index, (inn, out) in enumerate([(400, 120), (120, 84), (84, 10)]):
        w, b = f"fc{index}_w", f"fc{index}_b"
        consts += [constant(w, weights(index + 21, inn, out, scale=inn ** -0.5)),
                   constant(b, weights(index + 31, out, scale=inn ** -0.5))]
        y = "logits" if index == 2 else f"fc{index}"
        nodes.append(h.make_node("Gemm", [x, w, b], [y]))
        if index < 2:
            nodes.append(h.make_node("Relu", [y], [f"fc{index}_relu"]))
            x = f"fc{index}_relu"
    nodes += [h.make_node("Softmax", ["logits"], ["probabilities"], axis=1),
              h.make_node("ArgMax", ["logits"], ["classes"], axis=1, keepdims=0)]
    outputs = [info("logits", T.FLOAT, ["N", 10]), info("probabilities", T.FLOAT, ["N", 10]),
               info("classes", T.INT64, ["N"])]
    save("lenet", nodes, [info("image", T.FLOAT, ["N", 32, 32, 3])], outputs, consts)


def slow():
    """Multiplies a matrix with itself as often as it is told to: takes as long as a test wants."""
    body = h.make_graph(
        [h.make_node("MatMul", ["m", "m"], ["product"]), h.make_node("Clip", ["product", "low", "high"], ["clipped"]),
         h.make_node("Identity", ["go"], ["go_on"])],
        "body", [info("i", T.INT64, []), info("go", T.BOOL, []), info("m", T.FLOAT, [64, 64])],
        [info("go_on", T.BOOL, []), info("clipped", T.FLOAT, [64, 64])],
        [constant("low", np.float32(-1)), constant("high", np.float32(1))])
    nodes = [h.make_node("Loop", ["times", "", "start"], ["last"], body=body),
             h.make_node("ReduceSum", ["last"], ["y"], keepdims=0)]
    save("slow", nodes, [info("times", T.INT64, [])], [info("y", T.FLOAT, [])],
         [constant("start", weights(5, 64, 64))])


def accumulate():
    """Adds up the numbers of a sequence, and says what it was told of it."""
    nodes = [
        h.make_node("Sub", ["one", "start"], ["goes_on"]), h.make_node("Cast", ["goes_on"], ["kept"], to=T.FLOAT),
        h.make_node("Mul", ["total", "kept"], ["before"]), h.make_node("Add", ["before", "x"], ["y"]),
        h.make_node("Identity", ["y"], ["total_out"]), h.make_node("Identity", ["id"], ["said"]),
        h.make_node("Cast", ["ready"], ["is_ready"], to=T.INT32), h.make_node("Mul", ["end", "two"], ["end_2"]),
        h.make_node("Mul", ["is_ready", "four"], ["ready_4"]), h.make_node("Add", ["start", "end_2"], ["edges"]),
        h.make_node("Add", ["edges", "ready_4"], ["flags"]),
    ]
    inputs = [info("x", T.FLOAT, ["N", 1]), info("start", T.INT32, ["N", 1]), info("end", T.INT32, ["N", 1]),
              info("ready", T.BOOL, ["N", 1]), info("id", T.UINT64, ["N", 1]), info("total", T.FLOAT, ["N", 1])]
    outputs = [info("y", T.FLOAT, ["N", 1]), info("flags", T.INT32, ["N", 1]), info("said", T.UINT64, ["N", 1]),
               info("total_out", T.FLOAT, ["N", 1])]
    consts = [constant(name, np.int32(value)) for name, value in [("one", 1), ("two", 2), ("four", 4)]]
    save("accumulate", nodes, inputs, outputs, consts)


def recall():
    """Keeps every number of a sequence, in a state that grows, and gives their sum."""
    nodes = [h.make_node("Concat", ["seen", "x"], ["seen_out"], axis=1),
             h.make_node("ReduceSum", ["seen_out", "axis"], ["y"], keepdims=1)]
    save("recall", nodes, [info("x", T.FLOAT, ["N", 1]), info("seen", T.FLOAT, ["N", "M"])],
         [info("y", T.FLOAT, ["N", 1]), info("seen_out", T.FLOAT, ["N", "K"])], [constant("axis", np.array([1]))])


def unranked():
    """An input of which not even the number of dimensions is said: against the letter of ONNX, but exported."""
    value = [h.make_tensor_value_info(name, T.FLOAT, None) for name in ("x", "y")]
    graph = h.make_graph([h.make_node("Identity", ["x"], ["y"])], "unranked", value[:1], value[1:])
    save_unchecked("unranked", graph)


def escaping():
    """Keeps its weights in a file outside of its folder, which must be refused."""
    outside = onnx.TensorProto(name="w", data_type=T.FLOAT, dims=[4], data_location=onnx.TensorProto.EXTERNAL)
    for key, value in {"location": "../outside.bin", "offset": "0", "length": "16"}.items():
        outside.external_data.add(key=key, value=value)
    graph = h.make_graph([h.make_node("Add", ["x", "w"], ["y"])], "escaping", [info("x", T.FLOAT, [4])],
                         [info("y", T.FLOAT, [4])], [outside])
    save_unchecked("escaping", graph)


WORDS = """the a cat dog mouse man woman child bird fish sits runs eats sleeps sings on under in and with of is are
bread cheese river city house tree rain sun capital france paris what where who red blue small large""".split()
PIECES = ["##s", "##ing", "##er", "##ed", "##ly", "##a", "##e", "##i", "##o", "##u", "##n", "##r", "##t", "##l", "##m"]


def encoder_vocabulary():
    """Control tokens, letters and punctuation, so that every ASCII text has its tokens, words and ends of words."""
    letters = list("abcdefghijklmnopqrstuvwxyz0123456789.,?![]")
    letters += ["##" + letter for letter in letters if letter.isalnum() and "##" + letter not in PIECES]
    return ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] + [w for w in WORDS if len(w) > 1] + letters + PIECES


def encoder_tokenizer():
    """WordPiece as BERT has it, with lengths to cut and fill to that a reader has to leave alone."""
    vocabulary = encoder_vocabulary()
    special = [name for name in vocabulary if name.startswith("[") and len(name) > 1]
    added = [{"id": vocabulary.index(name), "content": name, "single_word": False, "lstrip": False, "rstrip": False,
              "normalized": False, "special": True} for name in special]
    own = lambda name, kind: {"SpecialToken": {"id": name, "type_id": kind}}
    text = lambda name, kind: {"Sequence": {"id": name, "type_id": kind}}
    single = [own("[CLS]", 0), text("A", 0), own("[SEP]", 0)]
    ids = {name: {"id": name, "ids": [vocabulary.index(name)], "tokens": [name]} for name in ("[CLS]", "[SEP]")}
    tokenizer = {
        "version": "1.0",
        "truncation": {"direction": "Right", "max_length": 4, "strategy": "LongestFirst", "stride": 0},
        "padding": {"strategy": {"Fixed": 128}, "direction": "Right", "pad_to_multiple_of": None, "pad_id": 0,
                    "pad_type_id": 0, "pad_token": "[PAD]"},
        "added_tokens": added,
        "normalizer": {"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True,
                       "strip_accents": None, "lowercase": True},
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {"type": "TemplateProcessing", "single": single,
                           "pair": single + [text("B", 1), own("[SEP]", 1)], "special_tokens": ids},
        "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": False},
        "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
                  "max_input_chars_per_word": 100, "vocab": {name: id for id, name in enumerate(vocabulary)}},
    }
    (HERE / "encoder_tokenizer.json").write_text(json.dumps(tokenizer, indent=1) + "\n")


def encoders():
    """One layer of attention over tokens of a small vocabulary, whose outputs depend on the mask, on the places of
    tokens and on the text that they are of; without a head, and with one of a single label."""
    size, places, count = 16, 64, len(encoder_vocabulary())
    consts = [constant("words", weights(41, count, size)), constant("places", weights(42, places, size, scale=0.2)),
              constant("types", weights(43, 2, size, scale=0.3)), constant("mix", weights(44, size, size, scale=0.5)),
              constant("key", weights(45, size, size, scale=0.4)), constant("one", np.float32(1)),
              constant("far", np.float32(-1e9)), constant("zero", np.int64(0)), constant("step", np.int64(1)),
              constant("axis_1", np.array([1], np.int64)), constant("at_1", np.int64(1))]
    nodes = [
        h.make_node("Shape", ["input_ids"], ["shape"]), h.make_node("Gather", ["shape", "at_1"], ["length"]),
        h.make_node("Range", ["zero", "length", "step"], ["place"]),
        h.make_node("Gather", ["places", "place"], ["of_places"]),
        h.make_node("Gather", ["words", "input_ids"], ["of_words"]),
        h.make_node("Gather", ["types", "token_type_ids"], ["of_types"]),
        h.make_node("Add", ["of_words", "of_types"], ["typed"]), h.make_node("Add", ["typed", "of_places"], ["x"]),
        h.make_node("MatMul", ["x", "key"], ["keys"]), h.make_node("Transpose", ["keys"], ["turned"], perm=[0, 2, 1]),
        h.make_node("MatMul", ["x", "turned"], ["near"]),
        h.make_node("Cast", ["attention_mask"], ["kept"], to=T.FLOAT), h.make_node("Sub", ["one", "kept"], ["left"]),
        h.make_node("Mul", ["left", "far"], ["bias"]), h.make_node("Unsqueeze", ["bias", "axis_1"], ["row_bias"]),
        h.make_node("Add", ["near", "row_bias"], ["scores"]), h.make_node("Softmax", ["scores"], ["shares"], axis=-1),
        h.make_node("MatMul", ["shares", "x"], ["context"]), h.make_node("MatMul", ["context", "mix"], ["mixed"]),
        h.make_node("Add", ["x", "mixed"], ["sum"]), h.make_node("Tanh", ["sum"], ["last_hidden_state"]),
    ]
    inputs = [info(name, T.INT64, ["batch", "sequence"]) for name in ("input_ids", "attention_mask", "token_type_ids")]
    save("encoder", nodes, inputs, [info("last_hidden_state", T.FLOAT, ["batch", "sequence", size])], consts)
    consts += [constant("head", weights(46, size, 1)), constant("first", np.int64(0))]
    nodes += [h.make_node("Gather", ["last_hidden_state", "first"], ["cls"], axis=1),
              h.make_node("MatMul", ["cls", "head"], ["logits"])]
    save("ranker", nodes, inputs, [info("logits", T.FLOAT, ["batch", 1])], consts)


if __name__ == "__main__":
    half_plus_two()
    identities()
    add()
    gather()
    grow()
    classifiers()
    lenet()
    slow()
    accumulate()
    recall()
    escaping()
    unranked()
    encoder_tokenizer()
    encoders()
