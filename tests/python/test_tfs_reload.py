"""HandleReloadConfigRequest, labels and the model configuration file, with the stock stubs."""

import time

import grpc
import pytest
import tensorflow as tf
from conftest import Server, put
from google.protobuf import text_format
from tensorflow_serving.apis import (
    model_management_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)
from tensorflow_serving.config import model_server_config_pb2

TIMEOUT = 20.0


@pytest.fixture
def fresh(tmp_path):
    server = Server(tmp_path)
    yield server
    server.stop()


def config(*models):
    request = model_management_pb2.ReloadConfigRequest()
    for name, path, labels in models:
        model = request.config.model_config_list.config.add(name=name, base_path=str(path), model_platform="tensorflow")
        model.model_version_policy.all.SetInParent()
        for label, version in labels.items():
            model.version_labels[label] = version
    return request


def predict(stub, name, label=None):
    request = predict_pb2.PredictRequest()
    request.model_spec.name = name
    if label:
        request.model_spec.version_label = label
    request.inputs["x"].CopyFrom(tf.make_tensor_proto([2.0], tf.float32))
    return stub.Predict(request, timeout=TIMEOUT)


def test_a_reload_replaces_the_models(fresh):
    put(fresh.repository, "half_plus_two", 124, "half_plus_two")
    path = fresh.repository / "half_plus_two"
    with grpc.insecure_channel(fresh.grpc) as channel:
        models = model_service_pb2_grpc.ModelServiceStub(channel)
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        reply = models.HandleReloadConfigRequest(config(("other", path, {})), timeout=TIMEOUT)
        assert reply.status.error_code == 0
        assert predict(stub, "other").model_spec.version.value == 124
        with pytest.raises(grpc.RpcError) as error:
            predict(stub, "half_plus_two")
        assert error.value.code() in (grpc.StatusCode.NOT_FOUND, grpc.StatusCode.UNAVAILABLE)
        models.HandleReloadConfigRequest(config(("other", path, {"stable": 123})), timeout=TIMEOUT)
        assert predict(stub, "other", "stable").model_spec.version.value == 123
        for request, code, text in [
            (
                config(("other", path, {"stable": 9})),
                grpc.StatusCode.FAILED_PRECONDITION,
                "Request to assign label to version 9 of model other, which is not currently available for inference",
            ),
            (config(("x", fresh.repository / "absent", {})), grpc.StatusCode.NOT_FOUND, "Could not find base path"),
            (config(("x", "/etc", {})), grpc.StatusCode.PERMISSION_DENIED, "not in a folder"),
            (model_management_pb2.ReloadConfigRequest(), grpc.StatusCode.INVALID_ARGUMENT, "model config list"),
        ]:
            with pytest.raises(grpc.RpcError) as error:
                models.HandleReloadConfigRequest(request, timeout=TIMEOUT)
            assert error.value.code() == code and text in error.value.details()
        assert predict(stub, "other", "stable").model_spec.version.value == 123


def test_new_versions_are_found_while_the_server_runs(fresh):
    with grpc.insecure_channel(fresh.grpc) as channel:
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        assert predict(stub, "half_plus_two").model_spec.version.value == 123
        put(fresh.repository, "half_plus_two", 200, "half_plus_two")
        end = time.monotonic() + TIMEOUT
        while predict(stub, "half_plus_two").model_spec.version.value != 200:
            assert time.monotonic() < end


def test_the_stock_writer_of_the_configuration_file_is_read(tmp_path):
    source = tmp_path / "source"
    put(source, "half_plus_two", 1, "half_plus_two")
    put(source, "half_plus_two", 2, "half_plus_two")
    config = model_server_config_pb2.ModelServerConfig()
    model = config.model_config_list.config.add(name='quo"ted', base_path="x")
    model.name, model.base_path = "half", str(source / "half_plus_two")
    model.model_version_policy.specific.versions.extend([1, 2])
    model.version_labels["stable"] = 1
    for one_line in (False, True):
        folder = tmp_path / str(one_line)
        folder.mkdir()
        file = folder / "models.config"
        file.write_text(text_format.MessageToString(config, as_one_line=one_line))
        server = Server(folder, ["--model-config-file", file])
        with grpc.insecure_channel(server.grpc) as channel:
            stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
            assert predict(stub, "half").model_spec.version.value == 2
            assert predict(stub, "half", "stable").model_spec.version.value == 1
        server.stop()
