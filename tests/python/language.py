"""A server of the 260 thousand weights of `stories260k`, for the tests of language models."""

import pathlib

import pytest

from conftest import Server

DATA = pathlib.Path(__file__).resolve().parents[3] / "shared" / "data" / "stories260k"
MODEL = "stories"


def put_stories(repository):
    """The model as a folder without a manifest, which the server takes as it is."""
    weights = DATA / "stories260K-f32.gguf"
    if not weights.exists():
        pytest.skip(f"skipped: no {weights.name} in the shared data")
    folder = repository / MODEL / "1"
    folder.mkdir(parents=True)
    (folder / "model.gguf").write_bytes(weights.read_bytes())


@pytest.fixture(scope="module")
def language(tmp_path_factory):
    folder = tmp_path_factory.mktemp("language")
    models = folder / "models"
    put_stories(models)
    # Tools are told of in more words than the model was trained on, where each letter is a token.
    # In single precision a prompt from the cache and one that is computed again give the same to the last bit.
    settings = ["--llm-context", "1024", "--llm-cache-type", "f32", "--llm-data", folder / "data"]
    server = Server(folder, models=["--repository", models, *settings])
    yield server
    server.stop()
