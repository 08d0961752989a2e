"""Starts the real server on free ports, over a repository of models of a few kilobytes."""

import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
MODELS = ROOT / "crates" / "wharf-testing" / "models"
LABELS = ["red", "green", "blue"]
START_SECONDS = 60


def tensor(name, dtype, shape):
    return {"name": name, "dtype": dtype, "shape": shape}


def graph_outputs(*specs):
    return [{"spec": spec, "source": {"from": "graph", "output": spec["name"]}} for spec in specs]


def put(repository, name, version, model, manifest=None):
    """A version of a model; without a manifest the server reads the signature from the graph."""
    folder = repository / name / str(version)
    folder.mkdir(parents=True)
    shutil.copy(MODELS / f"{model}.onnx", folder / "model.onnx")
    if manifest is None:
        return
    weights = (folder / "model.onnx").read_bytes()
    files = [{"path": "model.onnx", "size_bytes": len(weights), "sha256": hashlib.sha256(weights).hexdigest()}]
    document = {"schema": 1, "name": name, "version": version, "engine": "onnx", "files": files, **manifest}
    (folder / "wharf.json").write_text(json.dumps(document))


def classifier_manifest():
    outputs = graph_outputs(
        tensor("probabilities", "float32", [-1, 3]),
        tensor("classes", "int64", [-1]),
        tensor("logits", "float32", [-1, 3]),
    )
    pixels = {"spec": tensor("image", "uint8", [-1, 4, 4, 3]), "graph_input": "image", "transform": [{"op": "to_float"}]}
    floats = {"spec": tensor("image", "float32", [-1, 4, 4, 3]), "graph_input": "image"}
    encoded = {
        "spec": tensor("image_bytes", "string", [-1]),
        "graph_input": "image",
        "transform": [{"op": "decode"}, {"op": "rgb"}, {"op": "resize", "height": 4, "width": 4}, {"op": "to_float"}],
    }
    labels = {"spec": tensor("labels", "string", [-1]), "source": {"from": "labels", "classes": "classes"}}
    return {
        "task": "classification",
        "labels": LABELS,
        "signatures": {
            "serving_default": {"method": "predict", "inputs": [pixels], "outputs": outputs},
            "float": {"method": "predict", "inputs": [floats], "outputs": outputs},
            "encoded": {"method": "classify", "inputs": [encoded], "outputs": [*outputs, labels]},
        },
    }


def regressor_manifest():
    number = {"spec": tensor("x", "float32", [-1]), "graph_input": "x"}
    outputs = [{"spec": tensor("outputs", "float32", [-1]), "source": {"from": "graph", "output": "y"}}]
    signature = {"method": "regress", "inputs": [number], "outputs": outputs}
    return {"task": "regression", "signatures": {"serving_default": signature, "again": signature}}


def text_manifest():
    text = {"spec": tensor("x", "string", [-1, 1]), "graph_input": "x"}
    outputs = [
        {"spec": tensor(name, "string", [-1, 1]), "source": {"from": "graph", "output": "y"}}
        for name in ("y", "y_bytes")
    ]
    return {"task": "other", "signatures": {"serving_default": {"method": "predict", "inputs": [text], "outputs": outputs}}}


def fill(repository):
    put(repository, "half_plus_two", "00000123", "half_plus_two")
    put(repository, "add", 1, "add")
    put(repository, "colours", 7, "classifier_float", classifier_manifest())
    put(repository, "number", 1, "half_plus_two", regressor_manifest())
    put(repository, "text", 1, "identity_string", text_manifest())
    for dtype in ("bool", "uint8", "uint32", "uint64", "int8", "int16", "int32", "int64", "float16", "float32", "float64"):
        put(repository, f"identity_{dtype}", 1, f"identity_{dtype}")


class Server:
    """The server under test."""

    def __init__(self, folder, models=None):
        binary = os.environ.get("WHARF_BIN")
        if not binary:
            pytest.skip("WHARF_BIN does not name the server binary")
        self.repository = folder / "repository"
        self.repository.mkdir()
        fill(self.repository)
        ready = folder / "ready.json"
        self.log = folder / "server.log"
        command = [binary, "serve", *(models or ["--repository", self.repository]), "--bind", "127.0.0.1"]
        for port in ["grpc", "rest", "oip-rest", "oip-grpc", "http", "metrics"]:
            command += [f"--{port}-port", "0"]
        command += ["--shared-memory-prefix", "wharf_test", "--ready-file", ready]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=self.log.open("w"))
        self.wait_for(ready)
        ports = json.loads(ready.read_text())
        self.grpc = f"127.0.0.1:{ports['grpc']}"
        self.rest = f"http://127.0.0.1:{ports['rest']}/v1/models"
        self.oip_rest = f"127.0.0.1:{ports['oip_rest']}"
        self.oip_grpc = f"127.0.0.1:{ports['oip_grpc']}"
        self.http = f"http://127.0.0.1:{ports['http']}"
        self.metrics = f"http://127.0.0.1:{ports['metrics']}"

    def wait_for(self, ready):
        end = time.monotonic() + START_SECONDS
        while not (ready.exists() and ready.read_text().rstrip().endswith("}")):
            if self.process.poll() is not None:
                pytest.fail(f"the server ended at start:\n{self.log.read_text()}")
            if time.monotonic() > end:
                self.process.kill()
                pytest.fail(f"the server is not ready after {START_SECONDS} s:\n{self.log.read_text()}")
            time.sleep(0.02)

    def stop(self):
        self.process.terminate()
        code = self.process.wait(timeout=60)
        assert code == 0, f"the server ended with {code}:\n{self.log.read_text()}"


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("server"))
    yield server
    server.stop()
