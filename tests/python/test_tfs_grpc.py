"""The stock TensorFlow Serving stubs, unmodified, against the real server."""

import io

import grpc
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    inference_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
    regression_pb2,
)

TIMEOUT = 20.0


@pytest.fixture(scope="module")
def channel(server):
    with grpc.insecure_channel(server.grpc) as channel:
        yield channel


@pytest.fixture(scope="module")
def predictions(channel):
    return prediction_service_pb2_grpc.PredictionServiceStub(channel)


@pytest.fixture(scope="module")
def models(channel):
    return model_service_pb2_grpc.ModelServiceStub(channel)


def predict_request(name, inputs, signature="", version=None, label=None):
    request = predict_pb2.PredictRequest()
    request.model_spec.name = name
    request.model_spec.signature_name = signature
    if version is not None:
        request.model_spec.version.value = version
    if label is not None:
        request.model_spec.version_label = label
    for key, value in inputs.items():
        request.inputs[key].CopyFrom(tf.make_tensor_proto(value))
    return request


def refusal(call):
    with pytest.raises(grpc.RpcError) as caught:
        call()
    return caught.value.code(), caught.value.details()


def pixels(colour):
    image = np.zeros((4, 4, 3), np.uint8)
    image[:, :, colour] = 200
    return image


def encoded(colour, form):
    file = io.BytesIO()
    Image.fromarray(np.kron(pixels(colour), np.ones((2, 2, 1), np.uint8))).save(file, form)
    return file.getvalue()


def example(**features):
    def feature(value):
        if isinstance(value[0], bytes):
            return tf.train.Feature(bytes_list=tf.train.BytesList(value=value))
        if isinstance(value[0], float):
            return tf.train.Feature(float_list=tf.train.FloatList(value=value))
        return tf.train.Feature(int64_list=tf.train.Int64List(value=value))

    return tf.train.Example(features=tf.train.Features(feature={key: feature(value) for key, value in features.items()}))


def test_predict_gives_values_and_says_who_answered(predictions):
    for version, signature in [(None, ""), (123, ""), (123, "serving_default"), (None, "serving_default")]:
        request = predict_request("half_plus_two", {"x": np.float32([1, 2, 5])}, signature, version)
        reply = predictions.Predict(request, TIMEOUT)
        # Clients read the typed list, not only the array.
        assert list(reply.outputs["y"].float_val) == [2.5, 3.0, 4.5]
        assert reply.outputs["y"].dtype == tf.float32.as_datatype_enum
        assert [dim.size for dim in reply.outputs["y"].tensor_shape.dim] == [3]
        assert reply.model_spec.name == "half_plus_two"
        assert reply.model_spec.version.value == 123
        assert reply.model_spec.signature_name == "serving_default"


def test_values_are_splatted(predictions):
    request = predict_request("half_plus_two", {})
    request.inputs["x"].dtype = tf.float32.as_datatype_enum
    request.inputs["x"].tensor_shape.dim.add().size = 4
    request.inputs["x"].float_val.append(2.0)
    assert list(predictions.Predict(request, TIMEOUT).outputs["y"].float_val) == [3.0] * 4


@pytest.mark.parametrize(
    "dtype",
    ["bool", "uint8", "uint32", "uint64", "int8", "int16", "int32", "int64", "float16", "float32", "float64"],
)
def test_every_type_goes_there_and_back(predictions, dtype):
    values = np.array([[0, 1], [1, 0], [100, 27]]).astype(dtype)
    lists = predict_request(f"identity_{dtype}", {})
    lists.inputs["x"].CopyFrom(tf.make_tensor_proto(values))
    raw = predict_request(f"identity_{dtype}", {})
    raw.inputs["x"].dtype = tf.as_dtype(dtype).as_datatype_enum
    raw.inputs["x"].tensor_shape.CopyFrom(tf.TensorShape(values.shape).as_proto())
    raw.inputs["x"].tensor_content = values.tobytes()
    for request in (lists, raw):
        reply = tf.make_ndarray(predictions.Predict(request, TIMEOUT).outputs["y"])
        assert reply.dtype == values.dtype
        np.testing.assert_array_equal(reply, values)


def test_strings_keep_any_bytes(predictions):
    values = np.array([[b"\xff\x00"], [b"text"]], dtype=object)
    reply = predictions.Predict(predict_request("text", {"x": values}), TIMEOUT)
    np.testing.assert_array_equal(tf.make_ndarray(reply.outputs["y"]), values)


def test_output_filter_picks_outputs(predictions):
    request = predict_request("add", {"a": np.float32([[1, 2]]), "b": np.float32([[3, 5]])})
    assert set(predictions.Predict(request, TIMEOUT).outputs) == {"sum", "difference"}
    request.output_filter.append("sum")
    reply = predictions.Predict(request, TIMEOUT)
    assert set(reply.outputs) == {"sum"}
    assert list(reply.outputs["sum"].float_val) == [4.0, 7.0]
    request.output_filter.append("sum")
    assert refusal(lambda: predictions.Predict(request, TIMEOUT)) == (
        grpc.StatusCode.INVALID_ARGUMENT,
        "duplicate output tensor alias: sum",
    )
    request.output_filter[1] = "product"
    code, text = refusal(lambda: predictions.Predict(request, TIMEOUT))
    assert code == grpc.StatusCode.INVALID_ARGUMENT
    assert text == (
        "output tensor alias not found in signature: product Outputs expected to be in the set {difference,sum}."
    )


def test_errors_have_the_codes_and_texts_of_the_reference(predictions):
    x = {"x": np.float32([1])}
    cases = [
        (predict_request("missing", x), grpc.StatusCode.NOT_FOUND, "Servable not found for request: Latest(missing)"),
        (predict_request("half_plus_two", x, version=5), grpc.StatusCode.NOT_FOUND, "Servable not found for request: Specific(half_plus_two, 5)"),
        (predict_request("half_plus_two", x, label="stable"), grpc.StatusCode.INVALID_ARGUMENT, "Unrecognized servable version label: stable"),
        (predict_request("half_plus_two", x, signature="nope"), grpc.StatusCode.FAILED_PRECONDITION, 'Serving signature key "nope" not found.'),
        (predict_request("", x), grpc.StatusCode.INVALID_ARGUMENT, "ModelSpec has no name specified."),
        (predict_pb2.PredictRequest(), grpc.StatusCode.INVALID_ARGUMENT, "Missing ModelSpec"),
        (
            predict_request("half_plus_two", {**x, "z": np.float32([1])}),
            grpc.StatusCode.INVALID_ARGUMENT,
            "input size does not match signature: 2!=1 len({x,z}) != len({x}). Sent extra: {z}. Missing but required: {}.",
        ),
        (
            predict_request("half_plus_two", {}),
            grpc.StatusCode.INVALID_ARGUMENT,
            "input size does not match signature: 0!=1 len({}) != len({x}). Sent extra: {}. Missing but required: {x}.",
        ),
    ]
    for request, code, text in cases:
        assert refusal(lambda: predictions.Predict(request, TIMEOUT)) == (code, text)
    for wrong in (np.float64([1]), np.float32([[1]])):
        code, _ = refusal(lambda: predictions.Predict(predict_request("half_plus_two", {"x": wrong}), TIMEOUT))
        assert code == grpc.StatusCode.INVALID_ARGUMENT


def test_metadata_names_inputs_outputs_and_methods(predictions):
    request = get_model_metadata_pb2.GetModelMetadataRequest()
    request.model_spec.name = "colours"
    request.metadata_field.append("signature_def")
    reply = predictions.GetModelMetadata(request, TIMEOUT)
    assert reply.model_spec.version.value == 7
    signatures = get_model_metadata_pb2.SignatureDefMap()
    assert reply.metadata["signature_def"].Unpack(signatures)
    default = signatures.signature_def["serving_default"]
    assert default.method_name == "tensorflow/serving/predict"
    assert default.inputs["image"].dtype == tf.uint8.as_datatype_enum
    assert [dim.size for dim in default.inputs["image"].tensor_shape.dim] == [-1, 4, 4, 3]
    assert set(default.outputs) == {"probabilities", "classes", "logits"}
    assert signatures.signature_def["encoded"].method_name == "tensorflow/serving/classify"
    request.metadata_field.append("other")
    assert refusal(lambda: predictions.GetModelMetadata(request, TIMEOUT)) == (
        grpc.StatusCode.INVALID_ARGUMENT,
        "Metadata field other is not supported",
    )


def test_status_lists_versions(models):
    request = get_model_status_pb2.GetModelStatusRequest()
    assert refusal(lambda: models.GetModelStatus(request, TIMEOUT)) == (
        grpc.StatusCode.INVALID_ARGUMENT,
        "Missing ModelSpec",
    )
    request.model_spec.name = "half_plus_two"
    available = get_model_status_pb2.ModelVersionStatus.AVAILABLE
    for version in (None, 123):
        if version is not None:
            request.model_spec.version.value = version
        reply = models.GetModelStatus(request, TIMEOUT)
        assert [(item.version, item.state) for item in reply.model_version_status] == [(123, available)]
        assert reply.model_version_status[0].status.error_code == 0
    request.model_spec.version.value = 5
    assert refusal(lambda: models.GetModelStatus(request, TIMEOUT)) == (
        grpc.StatusCode.NOT_FOUND,
        "Could not find version 5 of model half_plus_two",
    )
    request.model_spec.version_label = "ignored"
    assert len(models.GetModelStatus(request, TIMEOUT).model_version_status) == 1


def test_classify_reads_examples(predictions):
    request = classification_pb2.ClassificationRequest()
    request.model_spec.name = "colours"
    request.model_spec.signature_name = "encoded"
    for colour, form in [(0, "PNG"), (2, "BMP"), (1, "PNG")]:
        request.input.example_list.examples.append(example(image_bytes=[encoded(colour, form)]))
    reply = predictions.Classify(request, TIMEOUT)
    assert reply.model_spec.signature_name == "encoded"
    best = []
    for row in reply.result.classifications:
        assert [item.label for item in row.classes] == ["red", "green", "blue"]
        assert sum(item.score for item in row.classes) == pytest.approx(1.0, abs=1e-5)
        best.append(max(row.classes, key=lambda item: item.score).label)
    assert best == ["red", "blue", "green"]


def test_classify_takes_raw_pixels_and_shared_features(predictions):
    request = classification_pb2.ClassificationRequest()
    request.model_spec.name = "colours"
    listed = example(image=[int(value) for value in pixels(1).flatten()])
    request.input.example_list_with_context.examples.extend([listed, tf.train.Example()])
    request.input.example_list_with_context.context.CopyFrom(example(image=[pixels(2).tobytes()]))
    rows = predictions.Classify(request, TIMEOUT).result.classifications
    assert [max(row.classes, key=lambda item: item.score).label for row in rows] == ["green", "blue"]


def test_classify_refuses_what_does_not_fit(predictions):
    request = classification_pb2.ClassificationRequest()
    request.model_spec.name = "colours"
    request.model_spec.signature_name = "encoded"
    assert refusal(lambda: predictions.Classify(request, TIMEOUT)) == (
        grpc.StatusCode.INVALID_ARGUMENT,
        "Input is empty.",
    )
    request.input.example_list.examples.append(example(other=[1]))
    code, text = refusal(lambda: predictions.Classify(request, TIMEOUT))
    assert code == grpc.StatusCode.INVALID_ARGUMENT
    assert "Feature: image_bytes (data type: string) is required" in text
    request.input.example_list.examples[0].CopyFrom(example(image_bytes=[b"no picture"]))
    code, _ = refusal(lambda: predictions.Classify(request, TIMEOUT))
    assert code == grpc.StatusCode.INVALID_ARGUMENT
    request.model_spec.name = "number"
    request.model_spec.signature_name = ""
    code, text = refusal(lambda: predictions.Classify(request, TIMEOUT))
    assert code == grpc.StatusCode.INVALID_ARGUMENT
    assert text.startswith("Expected classification signature method_name to be tensorflow/serving/classify.")


def test_regress_gives_a_number_per_example(predictions):
    request = regression_pb2.RegressionRequest()
    request.model_spec.name = "number"
    request.input.example_list.examples.extend([example(x=[1.0]), example(x=[5])])
    reply = predictions.Regress(request, TIMEOUT)
    assert [item.value for item in reply.result.regressions] == [2.5, 4.5]
    assert reply.model_spec.version.value == 1


def test_multi_inference_runs_each_task(predictions):
    request = inference_pb2.MultiInferenceRequest()
    for signature in ("", "again"):
        task = request.tasks.add()
        task.model_spec.name = "number"
        task.model_spec.signature_name = signature
        task.method_name = "tensorflow/serving/regress"
    request.input.example_list.examples.append(example(x=[2.0]))
    reply = predictions.MultiInference(request, TIMEOUT)
    assert [item.regression_result.regressions[0].value for item in reply.results] == [3.0, 3.0]
    assert [item.model_spec.signature_name for item in reply.results] == ["serving_default", "again"]
    request.tasks[1].model_spec.signature_name = ""
    code, text = refusal(lambda: predictions.MultiInference(request, TIMEOUT))
    assert (code, text) == (grpc.StatusCode.INVALID_ARGUMENT, "Duplicate evaluation of signature: ")
    request.tasks[1].model_spec.name = "half_plus_two"
    code, _ = refusal(lambda: predictions.MultiInference(request, TIMEOUT))
    assert code == grpc.StatusCode.INVALID_ARGUMENT


def test_compressed_messages_are_read(predictions):
    request = predict_request("half_plus_two", {"x": np.zeros(10_000, np.float32)})
    reply = predictions.Predict(request, TIMEOUT, compression=grpc.Compression.Gzip)
    assert len(reply.outputs["y"].float_val) == 10_000


def test_messages_past_the_limit_of_common_servers_are_read(predictions, server):
    # 5 MiB: more than the 4 MiB at which many gRPC servers stop.
    values = np.zeros((1, 5 << 20), np.uint8)
    options = [("grpc.max_receive_message_length", -1)]
    with grpc.insecure_channel(server.grpc, options) as channel:
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        reply = stub.Predict(predict_request("identity_uint8", {"x": values}), TIMEOUT)
    assert reply.outputs["y"].tensor_shape.dim[1].size == 5 << 20


def test_messages_past_our_limit_are_refused(predictions):
    values = np.zeros((1, 65 << 20), np.uint8)
    code, _ = refusal(lambda: predictions.Predict(predict_request("identity_uint8", {"x": values}), TIMEOUT))
    assert code == grpc.StatusCode.RESOURCE_EXHAUSTED


def test_health_and_reflection_answer(channel):
    # By hand, so that no further package is needed: field 1 of the request is the service, of the reply the state.
    check = channel.unary_unary("/grpc.health.v1.Health/Check")
    for name in (b"", b"tensorflow.serving.PredictionService", b"ModelService"):
        request = b"\x0a" + bytes([len(name)]) + name if name else b""
        assert check(request, TIMEOUT) == b"\x08\x01"
    for version in ("v1", "v1alpha"):
        info = channel.stream_stream(f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo")
        replies = b"".join(info(iter([b"\x3a\x00"]), TIMEOUT))
        assert b"tensorflow.serving.PredictionService" in replies


def test_unknown_methods_are_unimplemented(channel):
    for method in ("/tensorflow.serving.PredictionService/Nope", "/no.such.Service/Call"):
        code, _ = refusal(lambda: channel.unary_unary(method)(b"", TIMEOUT))
        assert code == grpc.StatusCode.UNIMPLEMENTED
