"""Models that keep a state for each sequence of requests, as Triton's stock clients ask them."""

import importlib.util
import os
import pathlib
import queue
import shutil
import urllib.request

import numpy as np
import pytest
import tritonclient.grpc
import tritonclient.http
from tritonclient.utils import InferenceServerException

import conftest
from test_compat import Started, free_port

CONTROLS = """
    control_input [
        { name: "start" control [ { kind: CONTROL_SEQUENCE_START int32_false_true: [ 0, 1 ] } ] },
        { name: "end" control [ { kind: CONTROL_SEQUENCE_END int32_false_true: [ 0, 1 ] } ] },
        { name: "ready" control [ { kind: CONTROL_SEQUENCE_READY bool_false_true: [ false, true ] } ] },
        { name: "id" control [ { kind: CONTROL_SEQUENCE_CORRID data_type: TYPE_UINT64 } ] } ]
    state [ { input_name: "total" output_name: "total_out" data_type: TYPE_FP32 dims: [ 1 ]
              initial_state: { name: "zero" data_type: TYPE_FP32 dims: [ 1 ] zero_data: true } } ]"""
SUM = 'max_batch_size: 8 sequence_batching { max_sequence_idle_microseconds: 5000000 %s ' + CONTROLS + " }"


def silero():
    """The folder of the package, without importing it: it would want a framework."""
    spec = importlib.util.find_spec("silero_vad")
    folder = os.environ.get("SILERO_VAD") or (pathlib.Path(spec.origin).parent / "data" if spec else None)
    return folder and pathlib.Path(folder) / "silero_vad.onnx"


# Its state has the batch as its second dimension, so that it runs request by request.
VAD = """
    sequence_batching { state [ { input_name: "state" output_name: "stateN" data_type: TYPE_FP32 dims: [ 2, -1, 128 ]
        initial_state: { name: "zero" data_type: TYPE_FP32 dims: [ 2, 1, 128 ] zero_data: true } } ] }"""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sequences")
    strategies = {"direct": "direct { }", "oldest": "oldest { max_candidate_sequences: 4 max_queue_delay_microseconds: 2000 }"}
    for name, strategy in strategies.items():
        conftest.put(folder / "models", name, 1, "accumulate")
        (folder / "models" / name / "config.pbtxt").write_text(SUM % strategy)
    conftest.put(folder / "models", "plain", 1, "half_plus_two")
    weights = silero()
    if weights and weights.exists():
        version = folder / "models" / "vad" / "1"
        version.mkdir(parents=True)
        shutil.copy(weights, version / "model.onnx")
        (folder / "models" / "vad" / "config.pbtxt").write_text(VAD)
    http, rpc, metrics = free_port(), free_port(), free_port()
    flags = [f"--model-repository={folder / 'models'}", "--http-address=127.0.0.1"]
    server = Started(folder, "tritonserver", [*flags, f"--http-port={http}", f"--grpc-port={rpc}", f"--metrics-port={metrics}"])
    server.rpc, server.http, server.metrics = f"127.0.0.1:{rpc}", f"127.0.0.1:{http}", f"http://127.0.0.1:{metrics}/metrics"
    yield server
    server.stop()


@pytest.fixture(params=["http", "grpc"])
def wire(request, server):
    library = {"http": tritonclient.http, "grpc": tritonclient.grpc}[request.param]
    with library.InferenceServerClient(server.http if request.param == "http" else server.rpc) as client:
        yield client, library


def number(library, value, shape=(1, 1)):
    x = library.InferInput("x", list(shape), "FP32")
    x.set_data_from_numpy(np.full(shape, value, np.float32))
    return [x]


def ask(wire, model, value, sequence, start=False, end=False):
    client, library = wire
    return client.infer(model, number(library, value), sequence_id=sequence, sequence_start=start, sequence_end=end)


@pytest.mark.parametrize("model", ["direct", "oldest"])
def test_interleaved_sequences_add_up(wire, model):
    totals = {}
    for step in range(4):
        for sequence in (1001, 1002, 2**40 + 3):
            answer = ask(wire, model, sequence % 7 + step, sequence, step == 0, step == 3)
            totals[sequence] = totals.get(sequence, 0) + sequence % 7 + step
            assert answer.as_numpy("y").tolist() == [[totals[sequence]]]
            assert answer.as_numpy("said").tolist() == [[sequence]]
            assert answer.as_numpy("flags").tolist() == [[4 + (step == 0) + 2 * (step == 3)]]
            assert answer.as_numpy("total_out") is None


def test_wrong_requests_are_refused_in_tritons_words(wire):
    client, library = wire
    for arguments, expected in [
        (dict(sequence_id=0, sequence_start=True), "inference request to model 'direct' must specify a non-zero or non-empty correlation ID"),
        (dict(), "inference request to model 'direct' must specify a non-zero or non-empty correlation ID"),
        (dict(sequence_id=31), "inference request for sequence 31 to model 'direct' must specify the START flag on the first request of the sequence"),
        (dict(sequence_id="text", sequence_start=True), "sequence batching control 'id' data-type is 'BYTES', but model 'direct' expects 'UINT64'"),
    ]:
        with pytest.raises(InferenceServerException) as error:
            client.infer("direct", number(library, 1), **arguments)
        assert error.value.message() == expected
    with pytest.raises(InferenceServerException) as error:
        client.infer("direct", number(library, 1, (2, 1)), sequence_id=32, sequence_start=True)
    assert error.value.message() == "inference request to model 'direct' must specify batch-size 1 due to requirements of sequence batcher"
    x = library.InferInput("x", [1], "FP32")
    x.set_data_from_numpy(np.ones(1, np.float32))
    with pytest.raises(InferenceServerException, match="the model keeps no state"):
        client.infer("plain", [x], sequence_id=1, sequence_start=True)


def test_a_start_begins_anew_and_an_end_ends(wire):
    assert ask(wire, "direct", 5, 41, start=True).as_numpy("y").tolist() == [[5]]
    assert ask(wire, "direct", 6, 41, start=True).as_numpy("y").tolist() == [[6]]
    assert ask(wire, "direct", 1, 41, end=True).as_numpy("y").tolist() == [[7]]
    with pytest.raises(InferenceServerException, match="must specify the START flag"):
        ask(wire, "direct", 1, 41)


def test_the_configuration_says_what_the_server_does(server):
    with tritonclient.grpc.InferenceServerClient(server.rpc) as rpc, tritonclient.http.InferenceServerClient(server.http) as http:
        batching = rpc.get_model_config("oldest").config.sequence_batching
        assert batching.max_sequence_idle_microseconds == 5_000_000
        assert batching.oldest.max_candidate_sequences == 4 and batching.oldest.max_queue_delay_microseconds == 2000
        assert [control.name for control in batching.control_input] == ["start", "end", "ready", "id"]
        assert list(batching.control_input[0].control[0].int32_false_true) == [0, 1]
        assert (batching.state[0].input_name, batching.state[0].output_name) == ("total", "total_out")
        document = http.get_model_config("oldest")["sequence_batching"]
        assert document["oldest"]["max_candidate_sequences"] == 4
        assert document["control_input"][3]["control"][0]["kind"] == "CONTROL_SEQUENCE_CORRID"
        assert document["state"][0]["initial_state"][0]["zero_data"] is True
        assert "direct" in http.get_model_config("direct")["sequence_batching"]
        metadata = http.get_model_metadata("direct")
        assert [tensor["name"] for tensor in metadata["inputs"]] == ["x"]
        assert [tensor["name"] for tensor in metadata["outputs"]] == ["y", "flags", "said"]
        assert {"sequence", "sequence(string_id)"} <= set(http.get_server_metadata()["extensions"])


def test_a_stream_carries_several_sequences(server):
    answers, sequences, steps = queue.Queue(), [51, 52, 53], 5
    with tritonclient.grpc.InferenceServerClient(server.rpc) as client:
        client.start_stream(lambda result, error: answers.put((result, error)))
        for step in range(steps):
            for sequence in sequences:
                client.async_stream_infer(
                    "oldest", number(tritonclient.grpc, sequence), request_id=f"{sequence}-{step}", sequence_id=sequence,
                    sequence_start=step == 0, sequence_end=step == steps - 1,
                )
        for step in range(steps):
            for sequence in sequences:
                result, error = answers.get(timeout=30)
                assert error is None and result.get_response().id == f"{sequence}-{step}"
                assert result.as_numpy("y").tolist() == [[sequence * (step + 1)]]
        client.async_stream_infer("oldest", number(tritonclient.grpc, 1), sequence_id=54)
        result, error = answers.get(timeout=30)
        assert "must specify the START flag" in str(error)
        client.stop_stream()


def test_open_sequences_are_counted(server):
    with tritonclient.grpc.InferenceServerClient(server.rpc) as client:
        wire = (client, tritonclient.grpc)
        before = metric(server, "wharf_sequences_open")
        ask(wire, "direct", 1, 61, start=True)
        assert metric(server, "wharf_sequences_open") == before + 1
        ask(wire, "direct", 1, 61, end=True)
        assert metric(server, "wharf_sequences_open") == before


def metric(server, name):
    with urllib.request.urlopen(server.metrics, timeout=20) as reply:
        lines = reply.read().decode().splitlines()
    return next(float(line.split(" ")[1]) for line in lines if line.startswith(f'{name}{{model="direct"'))


def test_a_voice_detector_hears_what_it_hears_with_its_state_in_hand(server):
    """silero-vad, two streams of sound at once, against ONNX Runtime with the state carried by hand."""
    weights = silero()
    if not (weights and weights.exists()):
        pytest.skip("silero-vad is not installed (SILERO_VAD may name the folder of its silero_vad.onnx)")
    runtime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed: nothing to compare with")
    session = runtime.InferenceSession(str(weights), providers=["CPUExecutionProvider"])
    time = np.arange(512 * 12) / 16000
    rng = np.random.default_rng(7)
    sounds = [np.sin(2 * np.pi * 220 * time) * np.sin(2 * np.pi * 3 * time), rng.normal(0, 0.1, time.size)]
    # 64 samples of what came before go in front of each window.
    windows = [np.lib.stride_tricks.sliding_window_view(np.pad(sound, (64, 0)), 576)[::512].astype(np.float32) for sound in sounds]
    states = [np.zeros((2, 1, 128), np.float32) for _ in sounds]
    rate = np.array(16000, np.int64)
    with tritonclient.grpc.InferenceServerClient(server.rpc) as client:
        for step in range(len(windows[0])):
            for index, own in enumerate(windows):
                window = own[step : step + 1]
                expected, states[index] = session.run(None, {"input": window, "state": states[index], "sr": rate})
                inputs = [tritonclient.grpc.InferInput("input", [1, 576], "FP32"), tritonclient.grpc.InferInput("sr", [], "INT64")]
                inputs[0].set_data_from_numpy(np.ascontiguousarray(window))
                inputs[1].set_data_from_numpy(rate)
                answer = client.infer("vad", inputs, sequence_id=71 + index, sequence_start=step == 0, sequence_end=step == len(own) - 1)
                np.testing.assert_allclose(answer.as_numpy("output"), expected, atol=1e-5)
