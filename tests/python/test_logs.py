"""How much is logged, by Triton's stock clients; and what the log says of calls that were refused."""

import json

import grpc
import pytest
import requests
import tritonclient.grpc as triton_grpc
import tritonclient.http as triton_http
from conftest import Server
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc
from tritonclient.utils import InferenceServerException

TIMEOUT = 20.0
# What a terminal obeys, what ends a line, what turns the direction of writing.
HOSTILE = "bad\r\nname\x1b[31m\x00\x7f\u009b\u202e\"\\"


@pytest.fixture
def started(tmp_path, monkeypatch):
    monkeypatch.setenv("WHARF_LOG", "info")
    server = Server(tmp_path, ["--repository", tmp_path / "repository", "--log-format", "json"])
    yield server
    if server.process.poll() is None:
        server.stop()


def test_clients_change_how_much_is_logged(started):
    with triton_http.InferenceServerClient(started.oip_rest, network_timeout=TIMEOUT) as client:
        assert "logging" in client.get_server_metadata()["extensions"]
        settings = client.get_log_settings()
        assert (settings["log_info"], settings["log_verbose_level"], settings["log_format"]) == (True, 0, "default")
        assert client.update_log_settings({"log_verbose_level": 1})["log_verbose_level"] == 1
        with pytest.raises(InferenceServerException, match="log file location can not be updated"):
            client.update_log_settings({"log_file": "/tmp/elsewhere"})
    with triton_grpc.InferenceServerClient(started.oip_grpc) as client:
        assert client.get_log_settings().settings["log_verbose_level"].uint32_param == 1
        settings = client.update_log_settings({"log_info": False}).settings
        assert (settings["log_info"].bool_param, settings["log_warning"].bool_param) == (False, True)
        assert settings["log_verbose_level"].uint32_param == 0
        with pytest.raises(InferenceServerException, match="contradict each other"):
            client.update_log_settings({"log_error": False, "log_info": True})


def refuse_over_every_wire(server):
    quoted = requests.utils.quote(HOSTILE, safe="")
    for url in [
        f"{server.rest}/{quoted}:predict",
        f"{server.http}/v1/models/{quoted}:predict",
        f"http://{server.oip_rest}/v2/models/{quoted}/infer",
    ]:
        assert requests.post(url, "{}", timeout=TIMEOUT).status_code in (400, 404), url
    with grpc.insecure_channel(server.grpc) as channel:
        request = predict_pb2.PredictRequest()
        request.model_spec.name = HOSTILE
        with pytest.raises(grpc.RpcError):
            prediction_service_pb2_grpc.PredictionServiceStub(channel).Predict(request, timeout=TIMEOUT)
    with triton_grpc.InferenceServerClient(server.oip_grpc) as client, pytest.raises(InferenceServerException):
        client.infer(HOSTILE, [])


def test_each_refused_call_is_one_json_line_without_raw_control_characters(started):
    refuse_over_every_wire(started)
    assert requests.post(f"{started.rest}/half_plus_two:predict", '{"instances":[1]}', timeout=TIMEOUT).ok
    started.stop()
    raw = started.log.read_bytes().decode()
    obeyed = [character for character in raw if character != "\n" and (ord(character) < 32 or 126 < ord(character) < 160)]
    assert not obeyed and "\u202e" not in raw
    lines = [json.loads(line) for line in raw.splitlines()]
    assert all(line["timestamp"] and line["level"] and line["message"] for line in lines)
    assert any("is ready" in line["message"] for line in lines)
    refused = [line for line in lines if line["message"] == "request refused"]
    assert [(line["api"], line["entrypoint"]) for line in refused] == [
        ("predict", "REST"), ("predict", "REST"), ("infer", "REST"), ("Predict", "GRPC"), ("ModelInfer", "GRPC"),
    ]
    for line in refused:
        assert line["model.name"].startswith("bad\\r\\nname\\u{1b}[31m"), line
        assert line["code"] in ("NOT_FOUND", "INVALID_ARGUMENT") and line["reason"]
