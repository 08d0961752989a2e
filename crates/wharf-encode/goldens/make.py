"""Makes `encoder.json`: tokens, pooled vectors, embeddings and scores as Python's libraries have them.

Needs `numpy`, `onnxruntime` and `tokenizers`; writes beside itself. Pooling is computed in float64 by the formulae of
sentence-transformers.
"""
import json
import pathlib

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

HERE = pathlib.Path(__file__).parent
MODELS = HERE.parent.parent / "wharf-testing/models"
TEXTS = ["the cat sits on the mouse.", "A dog runs!", "What is the capital of France?", "singers", "[SEP] [CLS]",
         "the small red bird sings in the large tree and the woman eats bread with cheese under the sun", "caf\u00e9 \u4e2d"]
PAIRS = [("what is the capital of france?", "paris is the capital of france"),
         ("what is the capital of france?", "the cat eats"), ("who sings", "a bird")]
WAYS = ["mean", "mean_sqrt_len", "cls", "last", "max"]


def pool(vectors, mask, way):
    """[rows, tokens, size] to [rows, size]."""
    kept = mask.astype(np.float64)[..., None]
    counts = np.maximum(kept.sum(1), 1e-12)
    places = np.arange(mask.shape[1])
    rows = np.arange(len(mask))
    if way == "mean":
        return (vectors * kept).sum(1) / counts
    if way == "mean_sqrt_len":
        return (vectors * kept).sum(1) / np.sqrt(counts)
    if way == "cls":
        return vectors[rows, np.where(mask > 0, places, mask.shape[1]).min(1)]
    if way == "last":
        return vectors[rows, np.where(mask > 0, places, -1).max(1)]
    return np.where(kept > 0, vectors, -np.inf).max(1)


def unit(vectors):
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)


def numbers(array):
    return [float(number) for number in np.asarray(array, np.float32).ravel()]


def pooling():
    """Rows of which one has no padding, one has some, and one has it in front."""
    generator = np.random.default_rng(7)
    vectors = generator.normal(size=(3, 5, 4)).astype(np.float32)
    mask = np.array([[1, 1, 1, 1, 1], [1, 1, 0, 0, 0], [0, 0, 1, 1, 1]])
    pooled = {way: pool(vectors.astype(np.float64), mask, way) for way in WAYS}
    return {
        "shape": list(vectors.shape), "vectors": numbers(vectors), "mask": mask.ravel().tolist(),
        "pooled": {way: numbers(vector) for way, vector in pooled.items()},
        "unit": {way: numbers(unit(vector)) for way, vector in pooled.items()},
        "logistic": numbers(1 / (1 + np.exp(-pooled["mean"]))),
    }


def tokenizer():
    """As the server reads it: it neither cuts nor fills up, and what callers write are no control tokens."""
    read = Tokenizer.from_file(str(MODELS / "encoder_tokenizer.json"))
    read.no_truncation()
    read.no_padding()
    read.encode_special_tokens = True
    return read


def ask(session, encoding):
    """One text at a time, without padding."""
    row = lambda values: np.array([values], np.int64)
    inputs = {"input_ids": row(encoding.ids), "attention_mask": row(encoding.attention_mask),
              "token_type_ids": row(encoding.type_ids)}
    return session.run(None, inputs)[0].astype(np.float64), inputs["attention_mask"]


def main():
    cut = tokenizer()
    encoder, ranker = (onnxruntime.InferenceSession(str(MODELS / name)) for name in ("encoder.onnx", "ranker.onnx"))
    texts, pairs = [], []
    for text in TEXTS:
        encoding = cut.encode(text)
        vectors, mask = ask(encoder, encoding)
        embeddings = {way: numbers(unit(pool(vectors, mask, way))) for way in WAYS}
        texts.append({"text": text, "ids": encoding.ids, "embeddings": embeddings})
    for first, second in PAIRS:
        encoding = cut.encode(first, second)
        logit = ask(ranker, encoding)[0][0, 0]
        pairs.append({"first": first, "second": second, "ids": encoding.ids, "types": encoding.type_ids,
                      "logit": float(np.float32(logit)), "score": float(np.float32(1 / (1 + np.exp(-logit))))})
    document = {"pooling": pooling(), "texts": texts, "pairs": pairs}
    (HERE / "encoder.json").write_text(json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    main()
