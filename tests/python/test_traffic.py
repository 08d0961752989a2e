"""Traffic between versions, with stock clients on every wire."""

import struct
import threading
import time

import grpc
import numpy as np
import pytest
import requests
import tensorflow as tf
import tritonclient.grpc
import tritonclient.http
from conftest import MODELS, Server
from tensorflow_serving.apis import model_service_pb2_grpc, predict_pb2, prediction_service_pb2_grpc
from test_tfs_reload import config, predict

TIMEOUT = 20.0
HEADER = "x-user"


def stamp(repository, name, version):
    """A version of `y = x / 2 + version`: an answer shows which version computed it."""
    folder = repository / name / str(version)
    folder.mkdir(parents=True)
    weights = (MODELS / "half_plus_two.onnx").read_bytes()
    place = weights.index(struct.pack("<f", 2.0))
    weights = weights[:place] + struct.pack("<f", float(version)) + weights[place + 4 :]
    (folder / "model.onnx").write_bytes(weights)


@pytest.fixture(scope="module")
def fresh(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("traffic"))
    for version in (1, 2):
        stamp(server.repository, "stamped", version)
    wait_until(lambda: state(server, "stamped", 2) == "AVAILABLE")
    yield server
    server.stop()


def wait_until(is_true):
    end = time.monotonic() + TIMEOUT
    while not is_true():
        assert time.monotonic() < end
        time.sleep(0.01)


def admin(server, method, name, what="traffic", **body):
    url = f"{server.http}/admin/v1/models/{name}/{what}"
    return requests.request(method, url, json=body or None, timeout=TIMEOUT)


def state(server, name, version):
    versions = admin(server, "GET", name).json().get("versions", [])
    return next((entry["state"] for entry in versions if entry["version"] == version), None)


def spread(server, **traffic):
    reply = admin(server, "PUT", "stamped", **traffic)
    assert reply.status_code == 200, reply.text
    return reply.json()


def tfs_grpc(server, user):
    with grpc.insecure_channel(server.grpc) as channel:
        request = predict_pb2.PredictRequest()
        request.model_spec.name = "stamped"
        request.inputs["x"].CopyFrom(tf.make_tensor_proto([2.0], tf.float32))
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        reply = stub.Predict(request, timeout=TIMEOUT, metadata=[(HEADER, user)])
    assert reply.outputs["y"].float_val[0] == 1.0 + reply.model_spec.version.value
    return reply.model_spec.version.value


def tfs_rest(server, user):
    body = {"instances": [2.0]}
    reply = requests.post(f"{server.rest}/stamped:predict", json=body, headers={HEADER: user}, timeout=TIMEOUT)
    return int(reply.json()["predictions"][0] - 1.0)


def kserve(server, user):
    url = f"{server.http}/v1/models/stamped:predict"
    reply = requests.post(url, json={"instances": [2.0]}, headers={HEADER.upper(): user}, timeout=TIMEOUT)
    return int(reply.json()["predictions"][0] - 1.0)


def triton(client, module, user):
    tensor = module.InferInput("x", [1], "FP32")
    tensor.set_data_from_numpy(np.array([2.0], np.float32))
    reply = client.infer("stamped", [tensor], headers={HEADER: user})
    return int(reply.as_numpy("y")[0] - 1.0)


def oip_grpc(server, user):
    return triton(tritonclient.grpc.InferenceServerClient(server.oip_grpc), tritonclient.grpc, user)


def oip_rest(server, user):
    return triton(tritonclient.http.InferenceServerClient(server.oip_rest), tritonclient.http, user)


def oip_stream(server, user):
    """A stream has one header for all its requests."""
    client = tritonclient.grpc.InferenceServerClient(server.oip_grpc)
    answers = []
    client.start_stream(lambda result, error: answers.append(error or result), headers={HEADER: user})
    for _ in range(3):
        tensor = tritonclient.grpc.InferInput("x", [1], "FP32")
        tensor.set_data_from_numpy(np.array([2.0], np.float32))
        client.async_stream_infer("stamped", [tensor])
    wait_until(lambda: len(answers) == 3)
    client.stop_stream()
    versions = {int(answer.as_numpy("y")[0] - 1.0) for answer in answers}
    assert len(versions) == 1, answers
    return versions.pop()


def large_rest(server, user):
    """A body that is read on another thread."""
    body = {"instances": [2.0] * 100_000}
    reply = requests.post(f"{server.rest}/stamped:predict", json=body, headers={HEADER: user}, timeout=TIMEOUT)
    versions = {int(value - 1.0) for value in reply.json()["predictions"]}
    assert len(versions) == 1
    return versions.pop()


WIRES = [tfs_grpc, tfs_rest, kserve, oip_grpc, oip_rest, oip_stream, large_rest]


def test_a_user_has_one_version_on_every_wire(fresh):
    spread(fresh, weights={1: 50, 2: 50}, sticky_header="X-User")
    seen = set()
    for number in range(12):
        user = f"user-{number}"
        versions = {wire.__name__: wire(fresh, user) for wire in WIRES for _ in range(2)}
        assert len(set(versions.values())) == 1, (user, versions)
        seen.update(versions.values())
    assert seen == {1, 2}, "twelve users have both versions"


@pytest.mark.parametrize("wire", WIRES[:5])
def test_requests_are_spread_on_every_wire(fresh, wire):
    spread(fresh, weights={1: 50, 2: 50})
    versions = [wire(fresh, "one") for _ in range(10)]
    assert 3 <= versions.count(2) <= 7, versions


def test_a_shadow_is_compared_and_answers_nobody(fresh):
    spread(fresh, weights={1: 1}, shadow={"version": 2})
    assert [wire(fresh, "x") for wire in WIRES[:5]] == [1] * 5

    def results():
        return admin(fresh, "GET", "stamped").json()["shadow_results"]

    wait_until(lambda: results()["different"] == 5)
    assert results()["last_difference"] == "output `y` is 3 at 0, expected 2"
    metrics = requests.get(f"{fresh.metrics}/metrics", timeout=TIMEOUT).text
    assert 'wharf_shadow_requests_total{model="stamped",version="2",result="different"} 5' in metrics


def test_promote_and_give_back(fresh):
    spread(fresh, weights={1: 90, 2: 10})
    reply = admin(fresh, "POST", "stamped", "promote")
    assert (reply.status_code, reply.json()["promoted"]) == (200, 2)
    assert {tfs_grpc(fresh, "x") for _ in range(5)} == {2}
    spread(fresh, weights={1: 1})
    assert {tfs_grpc(fresh, "x") for _ in range(5)} == {1}
    assert admin(fresh, "DELETE", "stamped").json()["traffic"] is None
    assert {tfs_grpc(fresh, "x") for _ in range(5)} == {2}


def test_a_label_moves_without_a_failure(tmp_path):
    server = Server(tmp_path)
    for version in (1, 2):
        stamp(server.repository, "stamped", version)
    path = server.repository / "stamped"
    answers, stop = [], threading.Event()
    with grpc.insecure_channel(server.grpc) as channel:
        models = model_service_pb2_grpc.ModelServiceStub(channel)
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)

        def ask():
            while not stop.is_set():
                try:
                    reply = predict(stub, "stamped", "stable")
                    answers.append((reply.model_spec.version.value, reply.outputs["y"].float_val[0]))
                except grpc.RpcError as error:
                    answers.append(error)

        for labels in ({}, {"stable": 1}):
            models.HandleReloadConfigRequest(config(("stamped", path, labels)), timeout=TIMEOUT)
        clients = [threading.Thread(target=ask) for _ in range(4)]
        for client in clients:
            client.start()
        for move in range(1, 11):
            version = 1 + move % 2
            models.HandleReloadConfigRequest(config(("stamped", path, {"stable": version})), timeout=TIMEOUT)
            assert predict(stub, "stamped", "stable").model_spec.version.value == version
        stop.set()
        for client in clients:
            client.join()
    assert {(1, 2.0), (2, 3.0)} == set(answers), "every answer is of one version, and none failed"
    server.stop()
