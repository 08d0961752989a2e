"""Models that clients load and unload: Triton's stock clients over both wires, under explicit control."""

import shutil

import numpy as np
import pytest
import tritonclient.grpc as triton_grpc
import tritonclient.http as triton_http
from conftest import MODELS, Server
from tritonclient.utils import InferenceServerException

TIMEOUT = 20.0
CONFIG = """
name: "joined"
max_batch_size: 8
dynamic_batching {
  preferred_batch_size: [ 2, 4 ] max_queue_delay_microseconds: 300 preserve_ordering: true
  priority_levels: 3 default_priority_level: 2
  default_queue_policy { timeout_action: DELAY default_timeout_microseconds: 5000 max_queue_size: 64 }
}
"""


@pytest.fixture(scope="module")
def explicit(tmp_path_factory):
    folder = tmp_path_factory.mktemp("explicit")
    server = Server(folder, ["--repository", folder / "repository", "--control", "explicit", "--load", "add"])
    joined = server.repository / "joined"
    (joined / "1").mkdir(parents=True)
    shutil.copy(MODELS / "identity_float32.onnx", joined / "1" / "model.onnx")
    (joined / "config.pbtxt").write_text(CONFIG)
    (server.repository / "tensorflow" / "1").mkdir(parents=True)
    (server.repository / "tensorflow" / "1" / "saved_model.pb").write_bytes(b"\x08\x01")
    yield server
    server.stop()


@pytest.fixture(params=["http", "grpc"])
def wire(request, explicit):
    """The client of a wire, and its module."""
    if request.param == "http":
        module, address = triton_http, explicit.oip_rest
        options = {"network_timeout": TIMEOUT, "connection_timeout": TIMEOUT}
    else:
        module, address, options = triton_grpc, explicit.oip_grpc, {}
    with module.InferenceServerClient(address, **options) as client:
        yield client, module


def index(client):
    """The states of all models, by name."""
    listed = client.get_model_repository_index()
    if isinstance(listed, list):
        return {model["name"]: (model.get("state", ""), model.get("reason", "")) for model in listed}
    return {model.name: (model.state, model.reason) for model in listed.models}


def infer(client, module, name="half_plus_two"):
    x = module.InferInput("x", [1], "FP32")
    x.set_data_from_numpy(np.array([2.0], np.float32))
    return client.infer(name, [x]).as_numpy("y").tolist()


def test_only_what_was_asked_for_is_loaded(wire):
    client, _ = wire
    states = index(client)
    assert states["add"][0] == "READY"
    assert states["half_plus_two"][0] in ("", "UNAVAILABLE")
    assert client.is_server_ready() and client.is_model_ready("add") and not client.is_model_ready("half_plus_two")


def test_a_model_comes_and_goes(wire):
    client, module = wire
    for _ in range(3):
        client.load_model("half_plus_two")
        assert client.is_model_ready("half_plus_two") and index(client)["half_plus_two"][0] == "READY"
        assert infer(client, module) == [3.0]
        client.unload_model("half_plus_two")
        assert not client.is_model_ready("half_plus_two")
        with pytest.raises(InferenceServerException):
            infer(client, module)
    assert index(client)["half_plus_two"] == ("UNAVAILABLE", "unloaded")


def test_what_cannot_be_loaded_says_why(wire):
    client, _ = wire
    with pytest.raises(InferenceServerException, match="absent"):
        client.load_model("absent")
    with pytest.raises(InferenceServerException, match="`saved_model.pb` is a TensorFlow SavedModel, expected `model.onnx`"):
        client.load_model("tensorflow")
    state, reason = index(client)["tensorflow"]
    assert state == "UNAVAILABLE" and "tf2onnx" in reason
    with pytest.raises(InferenceServerException, match="not supported"):
        client.load_model("half_plus_two", config="{}")


def test_the_configuration_tells_how_requests_are_joined(wire):
    client, module = wire
    client.load_model("joined")
    config = client.get_model_config("joined")
    if module is triton_http:
        assert config["max_batch_size"] == 8
        assert config["dynamic_batching"] == {
            "preferred_batch_size": [2, 4],
            "max_queue_delay_microseconds": 300,
            "preserve_ordering": True,
            "priority_levels": 3,
            "default_priority_level": 2,
            "default_queue_policy": {
                "timeout_action": "DELAY",
                "default_timeout_microseconds": 5000,
                "allow_timeout_override": False,
                "max_queue_size": 64,
            },
            "priority_queue_policy": {},
        }
        assert "dynamic_batching" not in client.get_model_config("add")
        return
    batching = config.config.dynamic_batching
    assert list(batching.preferred_batch_size) == [2, 4] and batching.max_queue_delay_microseconds == 300
    assert batching.preserve_ordering and (batching.priority_levels, batching.default_priority_level) == (3, 2)
    policy = batching.default_queue_policy
    assert policy.timeout_action == policy.DELAY
    assert (policy.default_timeout_microseconds, policy.max_queue_size) == (5000, 64)
    assert not client.get_model_config("add").config.HasField("dynamic_batching")
