#!/bin/sh
# Brings libonnxruntime out of the pinned `onnxruntime` wheel into deps/onnxruntime/lib.
#
# The wheel is fetched by pip from whatever package index pip is configured for, and refused unless its
# sha256 is the pinned one. Only the library, its licence and its third-party notices are kept. Run again, it
# does nothing. The Python version in the wheel's name does not matter: the library inside is plain C++.
set -eu

VERSION=1.32.0
ROOT=$(CDPATH= cd -- "$(dirname -- "$0")/.." && pwd)
DEST=${ONNXRUNTIME_DEST:-$ROOT/deps/onnxruntime}
MACHINE=${ONNXRUNTIME_MACHINE:-$(uname -m)}

case "$(uname -s)-$MACHINE" in
Linux-x86_64 | Linux-amd64)
    PLATFORM=manylinux_2_28_x86_64
    WHEEL_SHA256=5a34fc4dfeb5a7b4a74c95dcba1e773d722abda720b474edf1b0c419dc6d163d
    LIBRARY_SHA256=6c1585d1bbf45b0712ea4a21b705c5fcb4ba04ff2e30f1fbf81a49faf658638f
    ;;
Linux-aarch64 | Linux-arm64)
    PLATFORM=manylinux_2_28_aarch64
    WHEEL_SHA256=2303372a85299b6757b0e11e1cbf13e410ddf7e10c37f4b37e99d1c90e7daf7c
    LIBRARY_SHA256=49852228a93995158b2a813d4df487d47a1b76b0eaa894507ef49e91b6d7954a
    ;;
*)
    echo "onnxruntime: no wheel is pinned for $(uname -s) $MACHINE; build libonnxruntime $VERSION and set ORT_DYLIB_PATH" >&2
    exit 1
    ;;
esac

LIBRARY=$DEST/lib/libonnxruntime.so

sha256_is() { # FILE SHA256
    [ -f "$1" ] && [ "$(sha256sum "$1" | cut -d' ' -f1)" = "$2" ]
}

if sha256_is "$LIBRARY" "$LIBRARY_SHA256"; then
    echo "onnxruntime: $VERSION is in place ($LIBRARY)"
    exit 0
fi

command -v python3 >/dev/null || {
    echo "onnxruntime: python3 is missing (Debian, Ubuntu: apt-get install python3 python3-pip)" >&2
    exit 1
}

mkdir -p "$DEST"
STAGE=$(mktemp -d "$DEST/.fetch-XXXXXX")
trap 'rm -rf "$STAGE"' EXIT INT TERM

PYTHON=python3
if ! $PYTHON -m pip --version >/dev/null 2>&1; then
    echo "onnxruntime: python3 has no pip, making a temporary environment that has"
    python3 -m venv "$STAGE/venv" || {
        echo "onnxruntime: that failed (Debian, Ubuntu: apt-get install python3-venv or python3-pip)" >&2
        exit 1
    }
    PYTHON=$STAGE/venv/bin/python
fi

echo "onnxruntime: fetching the wheel of $VERSION for $PLATFORM"
echo "onnxruntime==$VERSION --hash=sha256:$WHEEL_SHA256" >"$STAGE/requirements.txt"
$PYTHON -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: --require-hashes \
    --python-version 3.11 --implementation cp --abi cp311 --platform "$PLATFORM" \
    --dest "$STAGE" --requirement "$STAGE/requirements.txt"

echo "onnxruntime: unpacking the library, its licence and its third-party notices into $DEST"
$PYTHON - "$STAGE" "$VERSION" <<'PY'
import pathlib, shutil, sys, zipfile

stage, version = pathlib.Path(sys.argv[1]), sys.argv[2]
(wheel,) = stage.glob("*.whl")
members = {
    f"onnxruntime/capi/libonnxruntime.so.{version}": "libonnxruntime.so",
    "onnxruntime/LICENSE": "LICENSE",
    "onnxruntime/ThirdPartyNotices.txt": "ThirdPartyNotices.txt",
}
with zipfile.ZipFile(wheel) as archive:
    for member, name in members.items():
        with archive.open(member) as source, open(stage / name, "wb") as target:
            shutil.copyfileobj(source, target)
PY

sha256_is "$STAGE/libonnxruntime.so" "$LIBRARY_SHA256" || {
    echo "onnxruntime: the library in the wheel is not the pinned one" >&2
    exit 1
}
mkdir -p "$DEST/lib"
chmod 755 "$STAGE/libonnxruntime.so"
mv "$STAGE/LICENSE" "$STAGE/ThirdPartyNotices.txt" "$DEST/"
mv "$STAGE/libonnxruntime.so" "$LIBRARY" # last, in one step: if it is there, all of it is there
echo "onnxruntime: $VERSION is in place ($LIBRARY)"
