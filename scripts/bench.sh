#!/usr/bin/env bash
# Measures training and serving on this machine, each beside its baseline in the same run. Called by `make bench`.
#
# BENCH_CIFAR10=DIR  CIFAR-10 (train.tar and test.tar, or what `wharf data fetch cifar10` gets); default: data/cifar10,
#                    else ../shared/data/cifar10
# BENCH_TORCH=PYTHON a Python with torch and torchvision: runs the same recipe in PyTorch as well
# BENCH_ONNX=FILE    one more .onnx file to serve; default: ../shared/data/mobilenetv2/mobilenetv2_fp32.onnx, if there
# WHARF_CACHE=DIR    where the models that bench/models.py builds are kept; default: ~/.cache/wharf
set -euo pipefail
cd "$(dirname "$0")/.."
wharf=${WHARF:?"call this as \`make bench\`"}
cache=${WHARF_CACHE:-$HOME/.cache/wharf}
recipe=recipes/cifar10-seed.toml
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

echo "machine: $(nproc) cores, $(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -n 1), load $(cut -d' ' -f1 /proc/loadavg)"

# The seed recipe: training, then its bundle.
bench_seed() {
    local cifar=${BENCH_CIFAR10:-data/cifar10}
    [ -e "$cifar" ] || cifar=../shared/data/cifar10
    if [ ! -e "$cifar" ]; then
        echo "skipped: no CIFAR-10 in data/cifar10; \`wharf data fetch cifar10\` gets it" >&2
        return
    fi
    echo
    "$wharf" bench train "$recipe" --data "$cifar"
    if [ -n "${BENCH_TORCH:-}" ]; then
        if [ -f "$cifar/train.tar" ]; then
            echo "PyTorch, the same recipe, one epoch:"
            "$BENCH_TORCH" bench/torch_seed.py "$cifar/train.tar" "$cifar/test.tar" 1
        else
            echo "skipped: bench/torch_seed.py reads train.tar and test.tar, which are not in $cifar" >&2
        fi
    fi
    "$wharf" train "$recipe" --data "$cifar" --epochs 1 --name seed \
        --repository "$work/repository" --runs "$work/runs" >/dev/null 2>&1
    echo
    echo "seed network; wanted: a ratio of 0.5 over gRPC with 32 rows"
    "$wharf" bench serve seed --repository "$work/repository" --protocol tfs-grpc --protocol tfs-rest
}

# Networks of the size that people serve, built once.
build_models() {
    local python=$cache/bench-venv-$(cksum <bench/requirements.txt | cut -d' ' -f1)
    models=$cache/bench-models-$(cat bench/models.py bench/requirements.txt | cksum | cut -d' ' -f1)
    [ ! -f "$models/complete" ] || return 0
    python3 -m venv "$python" && "$python/bin/pip" install --quiet --requirement bench/requirements.txt &&
        "$python/bin/python" bench/models.py "$models" >&2 && touch "$models/complete"
}

bench_model() {
    echo
    echo "$(basename "$1" .onnx); wanted: a ratio of 0.95"
    "$wharf" bench serve "$1" --protocol tfs-grpc --protocol oip-grpc --batch 1 --length 128 \
        --concurrency 1 --concurrency 8 --concurrency 32 --seconds 12
}

bench_seed
if build_models; then
    bench_model "$models/resnet50.onnx"
    bench_model "$models/minilm.onnx"
    echo
    echo "five times more requests than can be answered"
    # A processor each, so that the load does not take from the server what the peak did not have to share.
    if [ "$(nproc)" -ge 2 ] && command -v taskset >/dev/null; then
        taskset --cpu-list 1 "$wharf" bench overload "$models/busy.onnx" --server-cpus 0
    else
        "$wharf" bench overload "$models/busy.onnx"
    fi
else
    echo "skipped: the packages of bench/requirements.txt, which build the larger models, cannot be had" >&2
fi
onnx=${BENCH_ONNX:-../shared/data/mobilenetv2/mobilenetv2_fp32.onnx}
if [ -f "$onnx" ]; then
    bench_model "$onnx"
else
    echo "skipped: $onnx is not there" >&2
fi
