"""Start scripts of other servers: their program names, their flags, their files."""

import json
import os
import pathlib
import socket
import struct
import subprocess
import urllib.request

import grpc
import numpy as np
import pytest
import tritonclient.grpc
import tritonclient.http
from tensorflow_serving.apis import predict_pb2, prediction_log_pb2, prediction_service_pb2_grpc

import conftest

CASTAGNOLI = 0x82F63B78


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Started(conftest.Server):
    """The binary under another program's name, with that program's flags."""

    def __init__(self, folder, program, flags):
        binary = os.environ.get("WHARF_BIN")
        if not binary:
            pytest.skip("WHARF_BIN does not name the server binary")
        link = folder / program
        link.symlink_to(pathlib.Path(binary).resolve())
        ready = folder / "ready.json"
        self.log = folder / "server.log"
        command = [link, *flags, f"--ready-file={ready}" if program == "tritonserver" else f"--ready_file={ready}"]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=self.log.open("w"))
        self.wait_for(ready)
        self.ports = json.loads(ready.read_text())


def masked_crc(data):
    """CRC-32C bit by bit, then masked as TFRecord has it."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (CASTAGNOLI if crc & 1 else 0)
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def write_records(path, messages):
    path.parent.mkdir(parents=True)
    with path.open("wb") as file:
        for message in messages:
            for part in (struct.pack("<Q", len(message)), message):
                file.write(part + struct.pack("<I", masked_crc(part)))


def predict_request(values, model="default", name="x"):
    request = predict_pb2.PredictRequest()
    request.model_spec.name = model
    request.inputs[name].dtype = 1
    request.inputs[name].tensor_shape.dim.add().size = len(values)
    request.inputs[name].float_val.extend(values)
    return request


def warm_up_messages(request):
    predict = prediction_log_pb2.PredictionLog()
    predict.log_metadata.model_spec.name = "recorded elsewhere"
    predict.predict_log.request.CopyFrom(request)
    regress = prediction_log_pb2.PredictionLog()
    example = regress.regress_log.request.input.example_list.examples.add()
    example.features.feature["x"].float_list.value.append(1.0)
    regress.regress_log.request.model_spec.name = "another"
    return [predict.SerializeToString(), regress.SerializeToString()]


def test_tensorflow_model_server_serves_one_model_by_its_flags(tmp_path):
    models = tmp_path / "models"
    conftest.put(models, "half", "00000123", "half_plus_two")
    warm_up = models / "half" / "00000123" / "assets.extra" / "tf_serving_warmup_requests"
    write_records(warm_up, warm_up_messages(predict_request([1.0])))
    rest = free_port()
    flags = [f"--port={free_port()}", f"--rest_api_port={rest}", "--model_name=default", "--bind=127.0.0.1"]
    flags += [f"--model_base_path={models / 'half'}", "--enable_batching", "--grpc_max_threads=8"]
    server = Started(tmp_path, "tensorflow_model_server", flags)
    assert server.ports["rest"] == rest and server.ports["oip_rest"] is None
    with grpc.insecure_channel(f"127.0.0.1:{server.ports['grpc']}") as channel:
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        answer = stub.Predict(predict_request([1.0, 2.0]), timeout=20)
    assert list(answer.outputs["y"].float_val) == [2.5, 3.0]
    assert answer.model_spec.version.value == 123
    with urllib.request.urlopen(f"http://127.0.0.1:{rest}/v1/models/default", timeout=20) as reply:
        assert json.load(reply)["model_version_status"][0]["state"] == "AVAILABLE"
    server.stop()
    assert "--grpc_max_threads has no effect" in server.log.read_text()


def test_metrics_are_where_the_monitoring_file_puts_them(tmp_path):
    conftest.put(tmp_path / "models", "half", 1, "half_plus_two")
    file = tmp_path / "monitoring.txt"
    file.write_text('prometheus_config { enable: true, path: "/metrics/here" }')
    rest = free_port()
    flags = [f"--port={free_port()}", f"--rest_api_port={rest}", f"--model_base_path={tmp_path / 'models' / 'half'}"]
    server = Started(tmp_path, "tensorflow_model_server", [*flags, "--bind=127.0.0.1", f"--monitoring_config_file={file}"])
    # A series is there once there is something to count.
    body = json.dumps({"instances": [1.0]}).encode()
    urllib.request.urlopen(f"http://127.0.0.1:{rest}/v1/models/default:predict", body, timeout=20).close()
    with urllib.request.urlopen(f"http://127.0.0.1:{rest}/metrics/here", timeout=20) as reply:
        assert b":tensorflow:serving:request_count" in reply.read()
    server.stop()


def test_a_version_whose_warm_up_fails_is_not_served(tmp_path):
    models = tmp_path / "models"
    conftest.put(models, "half", 1, "half_plus_two")
    conftest.put(models, "half", 2, "half_plus_two")
    bad = warm_up_messages(predict_request([1.0], name="no such input"))
    write_records(models / "half" / "2" / "assets.extra" / "tf_serving_warmup_requests", bad)
    flags = [f"--port={free_port()}", f"--model_base_path={models / 'half'}", "--bind=127.0.0.1"]
    server = Started(tmp_path, "tensorflow_model_server", flags)
    with grpc.insecure_channel(f"127.0.0.1:{server.ports['grpc']}") as channel:
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        assert stub.Predict(predict_request([1.0]), timeout=20).model_spec.version.value == 1
    server.stop()
    assert "model default/2 failed: warm-up failed: record 1: input" in server.log.read_text()


def test_tritonserver_serves_a_repository_by_its_flags(tmp_path):
    models = tmp_path / "models"
    conftest.put(models, "half", 1, "half_plus_two")
    conftest.put(models, "add", 1, "add")
    http, rpc, metrics = free_port(), free_port(), free_port()
    flags = [f"--model-repository={models}", "--model-control-mode=explicit", "--load-model=half"]
    flags += [f"--metrics-port={metrics}"]
    flags += [f"--http-port={http}", f"--grpc-port={rpc}", "--http-address=127.0.0.1", "--log-verbose=1"]
    server = Started(tmp_path, "tritonserver", flags)
    with tritonclient.http.InferenceServerClient(f"127.0.0.1:{http}") as client:
        assert client.is_model_ready("half") and not client.is_model_ready("add")
        client.load_model("add")
        assert client.is_model_ready("add")
    with urllib.request.urlopen(f"http://127.0.0.1:{metrics}/metrics", timeout=20) as reply:
        assert b'nv_inference_request_success{model="add",version="1"} 0' in reply.read()
    with tritonclient.grpc.InferenceServerClient(f"127.0.0.1:{rpc}") as client:
        x = tritonclient.grpc.InferInput("x", [2], "FP32")
        x.set_data_from_numpy(np.array([1.0, 2.0], dtype=np.float32))
        assert client.infer("half", [x]).as_numpy("y").tolist() == [2.5, 3.0]
    server.stop()


@pytest.mark.parametrize(
    ("program", "flags", "expected"),
    [
        ("tensorflow_model_server", [], "--model_base_path"),
        ("tensorflow_model_server", ["--model_base_path=/m", "--platform_config_file=/p"], "--platform_config_file"),
        ("tritonserver", ["--model-repository=/no/such/folder"], "does not exist"),
    ],
)
def test_what_cannot_be_done_ends_the_start_with_a_reason(tmp_path, program, flags, expected):
    with pytest.raises(pytest.fail.Exception, match=expected):
        Started(tmp_path, program, flags)
