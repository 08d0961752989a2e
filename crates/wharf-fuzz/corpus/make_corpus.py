"""Makes the corpus: small inputs that each decoder takes, or nearly takes. Needs Python alone; writes beside itself.

Run again, it writes the same bytes.
"""
import gzip
import io
import json
import pathlib
import pickle
import shutil
import struct
import tarfile
import zipfile
import zlib

HERE = pathlib.Path(__file__).parent
MODELS = HERE.parents[1] / "wharf-testing" / "models"


def put(target, **files):
    folder = HERE / target
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)


def varint(value):
    value &= 2**64 - 1
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def field(number, content):
    if isinstance(content, int):
        return varint(number << 3) + varint(content)
    content = content.encode() if isinstance(content, str) else content
    return varint(number << 3 | 2) + varint(len(content)) + content


def floats(*values):
    return struct.pack(f"<{len(values)}f", *values)


def shape(*dims):
    return field(2, b"".join(field(2, field(1, dim)) for dim in dims))


def tfs_message(*inputs):
    body = field(1, field(1, "half") + field(2, field(1, 1)) + field(3, "serving_default"))
    return body + b"".join(field(2, field(1, name) + field(2, tensor)) for name, tensor in inputs) + field(3, "y")


def oip_message(inputs, raw):
    body = field(1, "half") + field(2, "1") + field(3, "id") + field(4, field(1, "priority") + field(2, field(2, 1)))
    for name, datatype, dims, contents in inputs:
        body += field(5, field(1, name) + field(2, datatype) + field(3, b"".join(map(varint, dims))) + contents)
    return body + field(6, field(1, "y") + field(2, field(1, "classification") + field(2, field(2, 2)))) + b"".join(
        field(7, content) for content in raw)


def example():
    return field(1, b"".join(field(1, field(1, name) + field(2, value)) for name, value in [
        ("x", field(2, field(1, floats(1, 2)))),
        ("n", field(3, field(1, varint(3) + varint(-1)))),
        ("s", field(1, field(1, "text") + field(1, b"\xff"))),
    ]))


def safetensors(tensors):
    header, data = {}, b""
    for name, dtype, dims, content in tensors:
        header[name] = {"dtype": dtype, "shape": dims, "data_offsets": [len(data), len(data) + len(content)]}
        data += content
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def tar(members, mode="w"):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode, format=tarfile.PAX_FORMAT) as archive:
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


def png(width, height):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    rows = b"".join(b"\0" + bytes((x * 40 + y) % 256 for x in range(width * 3)) for y in range(height))
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b"")


def gif():
    return bytes.fromhex("47494638396101000100800000ffffff00000021f90401000000002c00000000010001000002024401003b")


def bmp():
    return b"BM" + struct.pack("<IHHI", 58, 0, 0, 54) + struct.pack("<IiiHHIIiiII", 40, 1, 1, 1, 24, 0, 4, 0, 0, 0, 0) + b"\1\2\3\0"


def jpeg():
    """A head and an end, with nothing between."""
    return b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00\xff\xd9"


def idx(magic, dims, content):
    return struct.pack(f">I{len(dims)}I", magic, *dims) + content


def masked_crc32c(data):
    crc = 0xffffffff
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82f63b78 if crc & 1 else 0)
    crc ^= 0xffffffff
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xa282ead8) & 0xffffffff)


def tfrecord(data):
    length = struct.pack("<Q", len(data))
    return length + masked_crc32c(length) + data + masked_crc32c(data)


def pth(content):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name, data in content:
            archive.writestr(zipfile.ZipInfo(f"archive/{name}"), data)
    return out.getvalue()


def gguf(entries, tensors, version=3):
    """Entries are (key, type, packed value), tensors (name, dims, type, size)."""
    text = lambda value: struct.pack("<Q", len(value)) + value.encode()
    body = b"".join(text(key) + struct.pack("<I", kind) + value for key, kind, value in entries)
    offset = 0
    for name, dims, kind, size in tensors:
        body += text(name) + struct.pack(f"<I{len(dims)}QIQ", len(dims), *dims, kind, offset)
        offset += -(-size // 32) * 32
    head = b"GGUF" + struct.pack("<IQQ", version, len(tensors), len(entries)) + body
    return head + bytes(-len(head) % 32 + offset)


def gguf_model():
    text = lambda value: struct.pack("<Q", len(value)) + value.encode()
    array = lambda kind, items: struct.pack("<IQ", kind, len(items)) + b"".join(items)
    number = lambda key, value: (key, 4, struct.pack("<I", value))
    numbers = [("context_length", 128), ("embedding_length", 64), ("block_count", 2), ("attention.head_count", 8), ("feed_forward_length", 172)]
    entries = [("general.architecture", 8, text("llama")), number("general.file_type", 15), number("general.alignment", 32)]
    entries += [number("llama." + key, value) for key, value in numbers]
    entries += [("llama.attention.head_count_kv", 9, array(5, [struct.pack("<i", 4)] * 2)), ("llama.attention.causal", 7, b"\1"),
                ("tokenizer.ggml.model", 8, text("llama")), ("tokenizer.ggml.tokens", 9, array(8, [text("<s>"), text("a")])),
                ("tokenizer.ggml.scores", 9, array(6, [floats(0.5)] * 2)), ("tokenizer.ggml.token_type", 9, array(5, [struct.pack("<i", 3)] * 2)),
                number("tokenizer.ggml.bos_token_id", 0), ("tokenizer.chat_template", 8, text("{{ messages }}")), ("a", 10, bytes(8)), ("b", 12, bytes(8))]
    return entries


def tokenizers():
    """One of each kind of model, with what stands before and behind it."""
    added = [{"id": id, "content": name, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
             for id, name in enumerate(["<pad>", "</s>", "<unk>"])]
    words = ["<pad>", "</s>", "<unk>", "t", "h", "e", "th", "the", "\u0120the", "##s", "cat", "\u2581cat"]
    vocab = {word: id for id, word in enumerate(words)}
    template = {"type": "TemplateProcessing", "single": [{"Sequence": {"id": "A", "type_id": 0}}, {"SpecialToken": {"id": "</s>", "type_id": 0}}],
                "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
                "special_tokens": {"</s>": {"id": "</s>", "ids": [1], "tokens": ["</s>"]}}}
    level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    split = {"type": "Split", "pattern": {"Regex": "\\p{L}+|\\s+"}, "behavior": "Isolated", "invert": False}
    space = {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "always", "split": True}
    both = {"type": "Sequence", "pretokenizers": [split, level]}
    bert = {"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True, "strip_accents": None, "lowercase": True}
    document = lambda model, normalizer, before, decoder: json.dumps({
        "version": "1.0", "truncation": None, "padding": {"strategy": "BatchLongest", "direction": "Right", "pad_to_multiple_of": 8,
        "pad_id": 0, "pad_type_id": 0, "pad_token": "<pad>"}, "added_tokens": added, "normalizer": normalizer, "pre_tokenizer": before,
        "post_processor": template, "decoder": decoder, "model": model})
    bpe = {"type": "BPE", "dropout": None, "unk_token": "<unk>", "continuing_subword_prefix": None, "end_of_word_suffix": None,
           "fuse_unk": False, "byte_fallback": False, "vocab": vocab, "merges": ["t h", "th e"]}
    unigram = {"type": "Unigram", "unk_id": 2, "vocab": [[word, -float(id)] for id, word in enumerate(words)], "byte_fallback": False}
    piece = {"type": "WordPiece", "unk_token": "<unk>", "continuing_subword_prefix": "##", "max_input_chars_per_word": 100, "vocab": vocab}
    return {"bpe": document(bpe, {"type": "NFC"}, both, level), "unigram": document(unigram, None, space, space),
            "wordpiece": document(piece, bert, {"type": "BertPreTokenizer"}, {"type": "WordPiece", "prefix": "##", "cleanup": True}),
            "words": document({"type": "WordLevel", "vocab": vocab, "unk_token": "<unk>"}, {"type": "Lowercase"}, {"type": "WhitespaceSplit"}, None)}


def main():
    put("tfs_predict_json",
        rows='{"signature_name": "serving_default", "instances": [1.5, -2e3, 0, NaN, -Infinity]}',
        named='{"instances": [{"x": [1, 2]}, {"x": [3, 4]}], "other": [[{}]]}',
        columns='{"inputs": {"a": [1.5, 2], "b": [3, 4]}}',
        plain='{"inputs": [[[1], [2]], [[3], [4]]]}',
        strings='{"instances": ["a\\u00e9\\n", {"b64": "YWJjZA=="}, "\\ud83d\\ude00"]}',
        flags='{"instances": [true, false]}',
        large='{"instances": [18446744073709551615, -9223372036854775808, 1e308, 0.1e-400]}')
    put("tfs_examples_json",
        examples='{"signature_name": "s", "context": {"c": 1}, "examples": [{"x": 1.5, "s": "t", "n": [1, 2]}, {"x": []}]}',
        base64='{"examples": [{"x": {"b64": "AAEC"}}]}')
    put("tfs_predict_message",
        floats=tfs_message(("x", field(1, 1) + shape(2) + field(5, floats(6, 8)))),
        content=tfs_message(("x", field(1, 1) + shape(1, 2) + field(4, floats(6, 8)))),
        strings=tfs_message(("x", field(1, 7) + shape(2) + field(8, "a") + field(8, b"\xff"))),
        short=tfs_message(("x", field(1, 9) + shape(1000) + field(10, varint(-1)))),
        two=tfs_message(("a", field(1, 3) + shape(1) + field(7, varint(5))), ("b", field(1, 19) + shape(1) + field(13, varint(15360)))))
    put("tfs_classify_message",
        list=field(1, field(1, "half")) + field(2, field(1, field(1, example()) + field(1, example()))),
        context=field(1, field(1, "half")) + field(2, field(2, field(1, example()) + field(2, example()))))
    oip = {"id": "a", "parameters": {"priority": 1, "timeout": "5"}, "inputs": [
        {"name": "x", "datatype": "FP32", "shape": [2, 1], "data": [[1.5], [2]]}],
        "outputs": [{"name": "y", "parameters": {"binary_data": True, "classification": 2}}]}
    put("oip_json", floats=json.dumps(oip),
        strings='{"inputs": [{"data": ["a", "\\u0000"], "shape": [2], "datatype": "BYTES", "name": "x"}]}',
        memory='{"inputs": [{"name": "x", "datatype": "INT8", "shape": [4], "parameters": {"shared_memory_region": "r", "shared_memory_byte_size": 4}}]}')
    raw = b'{"inputs": [{"name": "x", "datatype": "FP32", "shape": [2], "parameters": {"binary_data_size": 8}}]}'
    text = b'{"inputs": [{"name": "x", "datatype": "BYTES", "shape": [2], "parameters": {"binary_data_size": 11}}]}'
    put("oip_binary", floats=struct.pack("<H", len(raw)) + raw + floats(1, 2), alone=struct.pack("<H", 0) + floats(1, 2),
        strings=struct.pack("<H", len(text)) + text + struct.pack("<I3sI", 3, b"abc", 0))
    put("oip_message",
        raw=oip_message([("x", "FP32", [2], b"")], [floats(1, 2)]),
        typed=oip_message([("x", "FP32", [2], field(5, field(6, floats(1, 2)))), ("n", "INT64", [1], field(5, field(3, varint(-1))))], []),
        strings=oip_message([("x", "BYTES", [2], b"")], [struct.pack("<I3sI", 3, b"abc", 0)]),
        half=oip_message([("x", "FP16", [1, 2], b""), ("b", "BOOL", [1], b"")], [b"\0\x3c\0\x3c", b"\1"]))
    put("packed_body", gzip=gzip.compress(b'{"instances": [1]}' * 20, mtime=0), zlib=zlib.compress(b'{"instances": [1]}' * 20),
        two=gzip.compress(b"a", mtime=0) * 2)
    config = ('model_config_list: { config: { name: "half", base_path: \'/models/half\', model_platform: "tensorflow",\n'
              '  model_version_policy { specific { versions: 1 versions: 2 } }\n  version_labels { key: "stable" value: 1 } } }\n')
    put("model_server_config", one=config)
    put("textproto", config=config,
        pbtxt='name: "m" # a comment\nmax_batch_size: 8\ninput [ { name: "x" data_type: TYPE_FP32 dims: [ -1, 3 ] }, { name: "y" } ]\n'
              'parameters { key: "k" value: { string_value: "a\\n\\x41\\101" "b" } }\n[ext.name]: 1.5e3; inf: -inf hex: 0x1F <a: true>')
    put("triton_config",
        all='name: "m" backend: "onnxruntime" max_batch_size: 8 version_policy: { latest { num_versions: 2 } }\n'
            'input [ { name: "x", data_type: TYPE_FP32, dims: [ 3, -1 ], reshape { shape: [ 3 ] } } ]\n'
            'output [ { name: "y" data_type: TYPE_INT64 dims: 1 label_filename: "labels.txt" } ]\n'
            'instance_group [ { count: 2 kind: KIND_CPU } ] default_model_filename: "net.onnx"\n'
            'parameters { key: "intra_op_thread_count" value: { string_value: "4" } }',
        batching='dynamic_batching { max_queue_delay_microseconds: 100 priority_levels: 3 default_priority_level: 2\n'
                 '  preferred_batch_size: [ 4, 8 ] preserve_ordering: true default_queue_policy { timeout_action: DELAY\n'
                 '  default_timeout_microseconds: 2000 max_queue_size: 9 } priority_queue_policy { key: 1 value { } } }',
        warm_up='max_batch_size: 4 model_warmup [ { name: "w" batch_size: 2 count: 3 inputs { key: "x" value: {\n'
                '  data_type: TYPE_FP32 dims: [ 2 ] zero_data: true } } inputs { key: "y" value: { data_type: TYPE_INT8 dims: 1 random_data: true } } } ]')
    put("batching_parameters",
        one="max_batch_size { value: 128 } batch_timeout_micros: { value: 0 } max_enqueued_batches { value: 100 } num_batch_threads { value: 8 }\n"
            "allowed_batch_sizes: 64 allowed_batch_sizes: [ 128 ] thread_pool_name { value: 'b' } enable_large_batch_splitting { value: true }")
    put("monitoring_config", one="prometheus_config: { enable: true, path: '/m' }")
    put("ssl_config", one="server_key: 'k' server_cert: 'c' \n'd' custom_ca: 'a' client_verify: true")
    put("oip_settings",
        log='{"log_error": true, "log_warning": false, "log_info": true, "log_verbose_level": 1, "log_format": "default"}',
        trace='{"trace_level": ["TIMESTAMPS"], "trace_rate": "1000", "trace_count": null}',
        region='{"key": "/wharf_a", "offset": 16, "byte_size": 64}',
        load='{"parameters": {"unload_dependents": true}, "ready": true}')
    framed = lambda message: b"\0" + struct.pack(">I", len(message)) + message
    put("grpc_body",
        predict=b"\7" + framed(tfs_message(("x", field(1, 1) + shape(2) + field(4, floats(6, 8))))),
        infer=b"\x20" + framed(oip_message([("x", "FP32", [2], b"")], [floats(1, 2)])))
    chat = {"model": "m", "messages": [{"role": "system", "content": "s"}, {"role": "user", "content": [{"type": "text", "text": "hi"}]},
            {"role": "assistant", "tool_calls": [{"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
            {"role": "tool", "tool_call_id": "1", "content": "x"}],
            "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}, "strict": True}}],
            "tool_choice": {"type": "function", "function": {"name": "f"}}, "stream": True, "stream_options": {"include_usage": True},
            "logit_bias": {"5": -1.5}, "stop": ["a"], "n": 2, "logprobs": True, "top_logprobs": 3, "seed": -1, "temperature": 0.5}
    schema = {"model": "m", "messages": [{"role": "user", "content": "x"}],
              "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}}}}
    text = {"model": "m", "prompt": [[1, 2], [3]], "echo": True, "logprobs": 1, "max_tokens": 0}
    message = {"model": "m", "max_tokens": 5, "system": [{"type": "text", "text": "s", "cache_control": {"type": "ephemeral"}}],
               "messages": [{"role": "assistant", "content": [{"type": "tool_use", "id": "1", "name": "f", "input": {}}]},
                            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "1", "content": "x"}]}],
               "tools": [{"name": "f", "input_schema": {"type": "object"}}], "tool_choice": {"type": "any"}}
    ollama = {"model": "m", "messages": [{"role": "user", "content": "x"}], "options": {"num_predict": -1, "stop": ["a"]}, "format": "json"}
    put("language_requests", chat=json.dumps(chat), schema=json.dumps(schema), text=json.dumps(text), message=json.dumps(message),
        ollama=json.dumps(ollama))
    form = 'Content-Disposition: form-data; name='
    put("multipart_body", upload='multipart/form-data; boundary=b\n' + f'--b\r\n{form}"purpose"\r\n\r\nbatch\r\n--b\r\n'
        f'{form}"file"; filename="a"\r\n\r\na\n\r\n--b--\r\n')
    put("tool_parse", hermes='\x03see <tool_call>\n{"name": "f", "arguments": {"a": "}\\""}}\n</tool_call>\n<tool_call>{"name": "f"}</tool_call>',
        llama='\x05{"name": "f", "parameters": {"a": [1, 2]}}; {"name": "f"}', mistral='\x01[TOOL_CALLS] [{"name": "f", "arguments": {}}]')
    put("chat_template", chatml="{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m.content | trim }}<|im_end|>{% endfor %}",
        more="{%- set ns = namespace(n=0) -%}{% macro f(x) %}{{ x | tojson(indent=2) }}{% endmacro %}{{ f(messages) }}{{ raise_exception('no') if ns.n }}")
    put("model_address", hub="hf.co/owner/name-GGUF:Q4_K_M", file="hf://owner/name/folder/model-Q8_0.gguf",
        url="https://example.com:8443/model.gguf?download=true",
        hosts="huggingface.co, *.hf.co,http://127.0.0.1:9000,https://[::1]:8443,10.0.0.0/8")
    put("traffic", one='{"weights": {"1": 90, "2": 10}, "rollback": {"max_error_rate": 0.01, "max_p99_ms": 50.5, "window": 200}}',
        promote='{"version": 2}')
    put("header", timeout="12345678m", parent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", length="1024")
    floats_of_x = tfs_message(("x", field(1, 1) + shape(2) + field(5, floats(6, 8))))
    examples = field(1, field(1, "half")) + field(2, field(1, field(1, example())))
    logs = {"predict": field(6, field(1, floats_of_x)), "classify": field(2, field(1, examples)),
            "regress": field(3, field(1, examples)),
            "multi": field(4, field(1, field(1, field(1, field(1, "m")) + field(2, "tensorflow/serving/regress")) + field(2, field(1, field(1, example())))))}
    put("warm_up_file", file=tfrecord(logs["predict"]) + tfrecord(logs["classify"]), **logs)
    line = {"v": 1, "time_us": 1, "model": "m", "version": 3, "signature": "serving_default", "outputs": ["y"], "status": "OK",
            "duration_us": 12, "trace_id": "0af7651916cd43dd8448eb211c80319c"}
    put("request_log", floats=json.dumps({**line, "inputs": [{"name": "x", "dtype": "float32", "shape": [1, 2], "data": "AACAPwAAAEA="}]}),
        strings=json.dumps({**line, "inputs": [{"name": "s", "dtype": "string", "shape": [2], "strings": ["YQ==", ""]}]}))
    put("onnx", **{path.stem: path.read_bytes() for path in sorted(MODELS.glob("*.onnx"))
                   if path.stem in ("half_plus_two", "add", "gather", "escaping", "identity_string", "classifier_float")})
    spec = {"name": "x", "dtype": "float32", "shape": [-1]}
    manifest = {"schema": 1, "name": "half", "version": 3, "task": "regression", "engine": "onnx",
                "files": [{"path": "model.onnx", "size_bytes": 5, "sha256": "a" * 64}], "labels": ["a", "b"],
                "signatures": {"serving_default": {"method": "predict",
                    "inputs": [{"spec": spec, "graph_input": "x", "transform": [{"op": "to_float"}, {"op": "normalise", "mean": [0.5], "std": [0.5]}]}],
                    "outputs": [{"spec": {**spec, "name": "y"}, "source": {"from": "graph", "output": "y"}}]}}}
    put("manifest", one=json.dumps(manifest))
    put("goldens", one=safetensors([("serving_default.0.input.x", "F32", [2], floats(1, 2)), ("serving_default.0.output.y", "F32", [2], floats(3, 4))]),
        empty=safetensors([]), int8=safetensors([("a.input.b", "I8", [2, 2], b"abcd"), ("a.output.b", "BOOL", [1], b"\1")]))
    batch = {b"labels": [6, 9], b"data": [b"\0" * 16], "fine_labels": (1, -2, 2**70), "f": 1.5, "n": None, "t": True, "s": "é"}
    put("pickle", **{f"protocol_{n}": pickle.dumps(batch, n) for n in range(5)},
        shared=pickle.dumps([[1]] * 5, 2), deep=pickle.dumps([[[[[[]]]]]], 2),
        code=b"cos\nsystem\n(S'true'\ntR.")
    weights = (b"\x80\x02}q\x00X\x01\x00\x00\x00wq\x01ctorch._utils\n_rebuild_tensor_v2\nq\x02((X\x07\x00\x00\x00storageq\x03ctorch\nFloatStorage\n"
               b"q\x04X\x01\x00\x00\x000q\x05X\x03\x00\x00\x00cpuq\x06K\x02tq\x07QK\x00K\x02\x85q\x08K\x01\x85q\x09\x89ccollections\nOrderedDict\n"
               b"q\x0a)Rq\x0btq\x0cRq\x0ds.")
    put("pth", one=pth([("data.pkl", weights), ("data/0", floats(1, 2)), ("version", b"3\n"), ("byteorder", b"little")]))
    pictures = [("set/train/a/0.png", png(2, 2)), ("set/train/b/0.png", png(3, 1)), ("set/test/a/0.png", png(1, 1))]
    put("tar", plain=tar(pictures), long=tar([("train/a/" + "x" * 150 + ".png", png(1, 1)), ("train/b/é.png", png(1, 1))]),
        packed=gzip.compress(tar(pictures), mtime=0), upwards=tar([("../train/a/0.png", b"x")]))
    put("idx", images=idx(0x803, [2, 3, 3], bytes(18)), labels=idx(0x801, [2], b"\0\1"), packed=gzip.compress(idx(0x803, [1, 2, 2], b"abcd"), mtime=0))
    put("cifar_binary", one=b"\3" + bytes(3072))
    put("cifar_python", one=pickle.dumps({b"labels": [1], b"data": b"\0" * 3072, b"batch_label": b"x"}, 2))
    text = lambda value: struct.pack("<Q", len(value)) + value.encode()
    adapter = [("general.type", 8, text("adapter")), ("general.architecture", 8, text("llama")), ("adapter.type", 8, text("lora"))]
    put("gguf", model=gguf(gguf_model(), [("token_embd.weight", [64, 2], 0, 512), ("blk.0.attn_q.weight", [256, 2], 12, 288)]),
        adapter=gguf(adapter, [("blk.0.attn_q.weight.lora_a", [4], 1, 8)]), empty=gguf([], [], 2))
    put("tokenizer", **tokenizers())
    put("picture", png=png(5, 4), gif=gif(), bmp=bmp(), jpeg=jpeg())


if __name__ == "__main__":
    main()
