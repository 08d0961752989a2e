"""Encoders of text: the official clients, and the interfaces for tensors, against what Python's libraries compute."""

import concurrent.futures
import json
import math
import os
import pathlib
import shutil
import subprocess

import numpy as np
import ollama
import openai
import pytest
import requests
import tritonclient.http
from conftest import MODELS, ROOT, Server

GOLDENS = json.loads((ROOT / "crates" / "wharf-encode" / "goldens" / "encoder.json").read_text())
TEXTS = [text["text"] for text in GOLDENS["texts"]]
VECTORS = np.array([text["embeddings"]["mean"] for text in GOLDENS["texts"]])
MINILM = pathlib.Path(os.environ.get("MINILM", ROOT / "models" / "all-minilm-l6-v2"))
MODULES = [
    {"type": "sentence_transformers.models.Transformer", "path": ""},
    {"type": "sentence_transformers.models.Pooling", "path": "1_Pooling"},
    {"type": "sentence_transformers.models.Normalize", "path": "2_Normalize"},
]


def put_folder(folder, graph, files):
    """A folder as Hugging Face's libraries write it."""
    for name, document in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(document))
    (folder / "onnx").mkdir()
    shutil.copy(MODELS / f"{graph}.onnx", folder / "onnx" / "model.onnx")
    shutil.copy(MODELS / "encoder_tokenizer.json", folder / "tokenizer.json")
    return folder


def command(*arguments):
    binary = os.environ.get("WHARF_BIN")
    if not binary:
        pytest.skip("WHARF_BIN does not name the server binary")
    return subprocess.run([binary, *map(str, arguments)], capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("folders")
    embeds = {
        "modules.json": MODULES,
        "1_Pooling/config.json": {"pooling_mode_mean_tokens": True, "word_embedding_dimension": 16},
        "sentence_bert_config.json": {"max_seq_length": 48},
        "config.json": {"architectures": ["BertModel"], "model_type": "bert"},
    }
    ranks = {"config.json": {"architectures": ["BertForSequenceClassification"], "id2label": {"0": "LABEL_0"}, "model_type": "bert"}}
    return {"sentences": put_folder(root / "sentences", "encoder", embeds), "cross": put_folder(root / "cross", "ranker", ranks)}


@pytest.fixture(scope="module")
def server(tmp_path_factory, folders):
    """One model imported, one served from its folder as it is."""
    folder = tmp_path_factory.mktemp("encoders")
    models = folder / "models"
    imported = command("import", folders["sentences"], "--name", "sentences", "--repository", models)
    assert imported.returncode == 0, imported.stderr
    assert "bert, " in imported.stdout and "up to 48 tokens, gives 16 numbers for a text" in imported.stdout
    server = Server(folder, models=["--repository", models, "--model", f"cross={folders['cross']}"])
    yield server
    server.stop()


@pytest.fixture(scope="module")
def client(server):
    return openai.OpenAI(base_url=f"{server.http}/v1", api_key="none", max_retries=0)


def close(actual, expected):
    np.testing.assert_allclose(np.array(actual), np.array(expected), atol=2e-5)


def test_texts_have_the_vectors_of_the_reference(client):
    # The client asks for base64 where nothing else is said, and unpacks it.
    answer = client.embeddings.create(model="sentences", input=TEXTS)
    close([item.embedding for item in answer.data], VECTORS)
    assert [item.index for item in answer.data] == list(range(len(TEXTS)))
    assert answer.usage.prompt_tokens == sum(len(text["ids"]) for text in GOLDENS["texts"])
    floats = client.embeddings.create(model="sentences", input=TEXTS[0], encoding_format="float")
    close(floats.data[0].embedding, VECTORS[0])


def test_fewer_dimensions_are_the_first_scaled_to_length_1(client):
    vector = client.embeddings.create(model="sentences", input=TEXTS[1], dimensions=4).data[0].embedding
    expected = VECTORS[1][:4] / np.linalg.norm(VECTORS[1][:4])
    close(vector, expected)
    with pytest.raises(openai.BadRequestError, match="at most 16"):
        client.embeddings.create(model="sentences", input="x", dimensions=17)


def test_tokens_are_taken_as_they_are(client, server):
    ids = [text["ids"] for text in GOLDENS["texts"]]
    close([item.embedding for item in client.embeddings.create(model="sentences", input=ids).data], VECTORS)
    tokens = requests.post(f"{server.http}/tokenize", json={"model": "sentences", "prompt": TEXTS[0]}).json()
    assert tokens["tokens"] == ids[0] and tokens["max_model_len"] == 48
    back = requests.post(f"{server.http}/detokenize", json={"model": "sentences", "tokens": ids[0][1:-1]}).json()
    assert back["prompt"] == "the cat sits on the mouse ."
    with pytest.raises(openai.BadRequestError, match="not in the vocabulary"):
        client.embeddings.create(model="sentences", input=[[1, 2, 99999]])


def test_a_hundred_texts_at_once_from_many_clients(client):
    texts, vectors = (TEXTS * 15)[:100], np.tile(VECTORS, (15, 1))[:100]

    def ask(_):
        return [item.embedding for item in client.embeddings.create(model="sentences", input=texts).data]

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        for answer in pool.map(ask, range(16)):
            close(answer, vectors)


def test_a_text_that_is_too_long_is_refused(client):
    with pytest.raises(openai.BadRequestError) as refused:
        client.embeddings.create(model="sentences", input=["cat", "cat " * 100])
    assert refused.value.code == "context_length_exceeded"
    assert "a text has 102 tokens, expected at most 48" in refused.value.message


def test_an_encoder_writes_nothing(client):
    with pytest.raises(openai.BadRequestError, match="writes no text"):
        client.chat.completions.create(model="sentences", messages=[{"role": "user", "content": "hi"}])


def test_documents_are_ranked(server):
    for pair in GOLDENS["pairs"]:
        body = {"model": "cross", "query": pair["first"], "documents": ["a dog", pair["second"]]}
        answer = requests.post(f"{server.http}/v1/rerank", json=body).json()
        scores = {result["index"]: result["relevance_score"] for result in answer["results"]}
        close(scores[1], pair["score"])
        order = [result["relevance_score"] for result in answer["results"]]
        assert order == sorted(order, reverse=True) and all(0 <= score <= 1 for score in order)
    # Without a model that was made for it, by the angle.
    body = {"model": "sentences", "query": TEXTS[0], "documents": [TEXTS[1], TEXTS[0]], "top_n": 1}
    answer = requests.post(f"{server.http}/v1/rerank", json=body).json()
    assert answer["results"][0]["index"] == 1 and math.isclose(answer["results"][0]["relevance_score"], 1, abs_tol=1e-5)
    refused = requests.post(f"{server.http}/v1/embeddings", json={"model": "cross", "input": "x"})
    assert refused.status_code == 400 and "gives no embeddings" in refused.text


def test_ollamas_client_embeds(server):
    client = ollama.Client(host=server.http)
    close(client.embed(model="sentences", input=TEXTS).embeddings, VECTORS)
    close(client.embeddings(model="sentences", prompt=TEXTS[0]).embedding, VECTORS[0])
    assert client.show("sentences").details.family == "bert"
    assert {model.model for model in client.list().models} >= {"sentences", "cross"}


def test_texts_are_tensors_for_the_other_interfaces(server):
    body = {"signature_name": "text", "inputs": {"text": TEXTS}}
    answer = requests.post(f"{server.rest}/sentences:predict", json=body).json()
    close(answer["outputs"], VECTORS)
    triton = tritonclient.http.InferenceServerClient(server.oip_rest)
    texts = tritonclient.http.InferInput("text", [len(TEXTS)], "BYTES")
    texts.set_data_from_numpy(np.array([text.encode() for text in TEXTS], dtype=object))
    close(triton.infer("sentences", [texts]).as_numpy("embedding"), VECTORS)
    # The graph is asked with tokens, as any other.
    ids = np.array([GOLDENS["texts"][0]["ids"]])
    inputs = []
    for name, values in [("input_ids", ids), ("attention_mask", np.ones_like(ids)), ("token_type_ids", np.zeros_like(ids))]:
        inputs.append(tritonclient.http.InferInput(name, values.shape, "INT64"))
        inputs[-1].set_data_from_numpy(values)
    assert triton.infer("sentences", inputs).as_numpy("last_hidden_state").shape == (1, ids.size, 16)


def test_what_cannot_be_imported_is_said(folders, tmp_path):
    broken = tmp_path / "broken"
    shutil.copytree(folders["sentences"], broken)
    (broken / "tokenizer.json").write_text("{")
    for folder, expected in [(broken, "tokenizer.json"), (folders["sentences"] / "onnx", "there is no")]:
        refused = command("import", folder, "--repository", tmp_path / "models")
        assert refused.returncode != 0
        if folder is broken:
            assert expected in refused.stderr


def reference(texts):
    """As sentence-transformers computes it, by the libraries under it."""
    onnxruntime, tokenizers = pytest.importorskip("onnxruntime"), pytest.importorskip("tokenizers")
    cut = tokenizers.Tokenizer.from_file(str(MINILM / "tokenizer.json"))
    cut.no_truncation()
    cut.no_padding()
    session = onnxruntime.InferenceSession(str(MINILM / "model.onnx"))
    for text in texts:
        encoding = cut.encode(text)
        row = lambda values: np.array([values], np.int64)  # noqa: E731
        inputs = {"input_ids": row(encoding.ids), "attention_mask": row(encoding.attention_mask), "token_type_ids": row(encoding.type_ids)}
        vector = session.run(None, inputs)[0][0].mean(0)
        yield vector / np.linalg.norm(vector)


def test_sentences_that_mean_the_same_are_near_each_other(tmp_path_factory):
    if not (MINILM / "model.onnx").exists():
        pytest.skip(f"skipped: no model in {MINILM}, which `make minilm` brings")
    folder = tmp_path_factory.mktemp("minilm")
    server = Server(folder, models=["--model", f"minilm={MINILM}"])
    try:
        client = openai.OpenAI(base_url=f"{server.http}/v1", api_key="none", max_retries=0)
        texts = ["A man is eating food.", "A man is eating a piece of bread.", "The girl is carrying a baby.",
                 "A cheetah is running behind its prey.", "A wild cat hunts an antelope."]
        vectors = np.array([item.embedding for item in client.embeddings.create(model="minilm", input=texts).data])
        near = vectors @ vectors.T
        assert near[0, 1] > 0.7 and near[3, 4] > 0.35
        assert near[0, 2] < 0.2 and near[0, 3] < 0.2 and near[1, 4] < 0.2
        for vector, expected in zip(vectors, reference(texts)):
            assert vector @ expected > 0.99999
    finally:
        server.stop()
