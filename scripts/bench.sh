#!/usr/bin/env bash
# Measures training and serving on this machine, each beside its baseline in the same run. Called by `make bench`.
#
# BENCH_CIFAR10=DIR  CIFAR-10 (train.tar and test.tar, or what `wharf data fetch cifar10` gets); default: data/cifar10,
#                    else ../shared/data/cifar10
# BENCH_TORCH=PYTHON a Python with torch and torchvision: runs the same recipe in PyTorch as well
set -euo pipefail
cd "$(dirname "$0")/.."
wharf=${WHARF:?"call this as \`make bench\`"}
recipe=recipes/cifar10-seed.toml

cifar=${BENCH_CIFAR10:-data/cifar10}
[ -e "$cifar" ] || cifar=../shared/data/cifar10
if [ ! -e "$cifar" ]; then
    echo "skipped: no CIFAR-10 in data/cifar10; \`wharf data fetch cifar10\` gets it" >&2
    exit 0
fi

echo "machine: $(nproc) cores, $(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -n 1), load $(cut -d' ' -f1 /proc/loadavg)"
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

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$wharf" train "$recipe" --data "$cifar" --epochs 1 --name seed \
    --repository "$work/repository" --runs "$work/runs" >/dev/null 2>&1
echo
"$wharf" bench serve seed --repository "$work/repository"
