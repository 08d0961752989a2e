"""Requests as the server writes them down, and as `wharf bench load` replays them."""

import base64
import datetime
import json
import os
import subprocess

import numpy as np
import pytest
import requests
import tritonclient.grpc as triton_grpc
from conftest import MODELS, Server
from tritonclient.utils import InferenceServerException

TIMEOUT = 20.0
MODEL = "half_plus_two"


def triton_input(name, array, datatype):
    tensor = triton_grpc.InferInput(name, list(array.shape), datatype)
    tensor.set_data_from_numpy(array)
    return tensor


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    """The log of a server that answered over two wires, refused one call, and has stopped."""
    folder = tmp_path_factory.mktemp("logged")
    path = folder / "requests.jsonl"
    server = Server(folder, ["--repository", folder / "repository", "--request-log", path])
    assert requests.post(f"{server.rest}/{MODEL}:predict", '{"instances":[1.0, 2.5]}', timeout=TIMEOUT).ok
    with triton_grpc.InferenceServerClient(server.oip_grpc) as client:
        client.infer(MODEL, [triton_input("x", np.array([3.0], np.float32), "FP32")])
        texts = np.array([["one"], ["zwei ä"]], dtype=object)
        client.infer("text", [triton_input("x", texts, "BYTES")], outputs=[triton_grpc.InferRequestedOutput("y")])
        with pytest.raises(InferenceServerException):
            client.infer(MODEL, [triton_input("x", np.array([3], np.int64), "INT64")])
    scrape = requests.get(f"{server.metrics}/metrics", timeout=TIMEOUT).text
    assert 'wharf_request_log_total{outcome="queue_full"} 0' in scrape
    server.stop()
    return path


def test_each_request_that_reached_a_model_is_a_line(log):
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert [(line["model"], line["version"], line["status"], line["v"]) for line in lines] == [
        (MODEL, 123, "OK", 1), (MODEL, 123, "OK", 1), ("text", 1, "OK", 1),
    ]
    (x,) = lines[0]["inputs"]
    assert (x["name"], x["dtype"], x["shape"]) == ("x", "float32", [2])
    np.testing.assert_array_equal(np.frombuffer(base64.b64decode(x["data"]), "<f4"), [1.0, 2.5])
    (x,) = lines[2]["inputs"]
    assert [base64.b64decode(text).decode() for text in x["strings"]] == ["one", "zwei ä"]
    assert lines[2]["outputs"] == ["y"]
    assert all(line["time_us"] > 1_700_000_000_000_000 and line["duration_us"] >= 0 for line in lines)


@pytest.fixture(scope="module")
def events(tmp_path_factory):
    """The same as CloudEvents."""
    folder = tmp_path_factory.mktemp("events")
    path = folder / "events.jsonl"
    options = ["--request-log", path, "--request-log-format", "cloudevents"]
    server = Server(folder, ["--repository", folder / "repository", *options])
    assert requests.post(f"{server.rest}/{MODEL}:predict", '{"instances":[1.0, 2.5]}', timeout=TIMEOUT).ok
    assert requests.post(f"{server.rest}/{MODEL}:predict", '{"instances":[NaN]}', timeout=TIMEOUT).ok
    server.stop()
    return path


def test_events_are_cloud_events_with_a_request_of_the_open_inference_protocol(events):
    first, second = [json.loads(line) for line in events.read_text().splitlines()]
    for event in (first, second):
        assert event["specversion"] == "1.0" and event["type"] == "org.kubeflow.serving.inference.request"
        assert event["inferenceservicename"] == MODEL and event["modelversion"] == "123" and event["status"] == "OK"
        datetime.datetime.fromisoformat(event["time"])
        # What is no name of the specification: small letters and digits.
        assert all(name.isalnum() and name == name.lower() for name in event)
    assert first["id"] != second["id"]
    (x,) = first["data"]["inputs"]
    assert x == {"name": "x", "datatype": "FP32", "shape": [2], "data": [1.0, 2.5]}
    (x,) = second["data"]["inputs"]
    content = base64.b64decode(x["parameters"]["content_base64"])
    assert np.isnan(np.frombuffer(content, "<f4")).all() and "data" not in x


def test_an_event_is_a_request_that_the_server_answers(events, server):
    data = json.loads(events.read_text().splitlines()[0])["data"]
    reply = requests.post(f"http://{server.oip_rest}/v2/models/{MODEL}/infer", json=data, timeout=TIMEOUT).json()
    assert reply["outputs"][0]["data"] == [2.5, 3.25]


@pytest.mark.parametrize("kind", ["lines", "events"])
def test_a_log_warms_a_server_up(kind, log, events, tmp_path):
    path = {"lines": log, "events": events}[kind]
    server = Server(tmp_path, ["--repository", tmp_path / "repository", "--warm-up-log", path])
    assert requests.get(f"{server.rest}/{MODEL}", timeout=TIMEOUT).json()["model_version_status"][0]["state"] == "AVAILABLE"
    server.stop()


def test_a_version_that_cannot_answer_what_is_in_the_log_is_not_served(log, tmp_path):
    path = tmp_path / "log.jsonl"
    path.write_text(log.read_text().replace('"name":"x"', '"name":"z"'))
    server = Server(tmp_path, ["--repository", tmp_path / "repository", "--warm-up-log", path])
    (status,) = requests.get(f"{server.rest}/{MODEL}", timeout=TIMEOUT).json()["model_version_status"]
    assert status["state"] == "END" and "logged request 1" in status["status"]["error_message"]
    assert requests.get(f"{server.rest}/add", timeout=TIMEOUT).json()["model_version_status"][0]["state"] == "AVAILABLE"
    server.stop()


def replay(log, model, *options):
    command = [os.environ["WHARF_BIN"], "bench", "load", MODELS / f"{model}.onnx", "--replay", log, *options]
    return subprocess.run([*command, "--requests", "10", "--warm-up", "0", "--json"], capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize("protocol", ["tfs-grpc", "tfs-rest", "oip-grpc", "oip-rest"])
def test_a_log_is_replayed_over_any_wire(log, protocol):
    ran = replay(log, MODEL, "--protocol", protocol)
    assert ran.returncode == 0, ran.stderr
    (run,) = json.loads(ran.stdout)
    assert (run["answered"], run["refused"], run["failed"]) == (10, 0, 0), run


def test_events_are_replayed_too(events):
    ran = replay(events, MODEL, "--protocol", "oip-grpc")
    assert ran.returncode == 0, ran.stderr
    (run,) = json.loads(ran.stdout)
    assert (run["answered"], run["failed"]) == (10, 0), run


def test_a_log_without_the_model_is_refused(log, tmp_path):
    ran = replay(log, "add")
    assert ran.returncode == 1 and "has no request of model `add`" in ran.stderr
    other = tmp_path / "other.jsonl"
    other.write_text("{}\n")
    ran = replay(other, MODEL)
    assert ran.returncode == 1 and "is no request log: line 1: missing field" in ran.stderr
