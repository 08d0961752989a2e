"""Makes `minilm.json`: embeddings by all-MiniLM-L6-v2 of 8 bits, as onnxruntime and tokenizers of Python have them.

`make_minilm.py FOLDER`, where FOLDER is what `make minilm` brings. Needs `numpy`, `onnxruntime` and `tokenizers`; writes
beside itself.
"""
import json
import pathlib
import sys

import numpy as np
import onnxruntime
from make import ask, pool, unit
from tokenizers import Tokenizer

TEXTS = ["A man is eating food.", "A man is eating a piece of bread.", "The girl is carrying a baby.",
         "A cheetah is running behind its prey.", "A wild cat hunts an antelope."]


def main(folder):
    cut = Tokenizer.from_file(str(folder / "tokenizer.json"))
    cut.no_truncation()
    cut.no_padding()
    session = onnxruntime.InferenceSession(str(folder / "model.onnx"))
    vectors = [unit(pool(*ask(session, cut.encode(text)), "mean"))[0] for text in TEXTS]
    document = [{"text": text, "vector": [round(float(number), 6) for number in vector]}
                for text, vector in zip(TEXTS, vectors)]
    (pathlib.Path(__file__).parent / "minilm.json").write_text(json.dumps(document) + "\n")
    print(np.round(np.array(vectors) @ np.array(vectors).T, 3))


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
