#!/bin/sh
# Installs the system packages that building, testing and the quickstart need, and only those that are missing.
set -eu

# compilers for the C parts and llama.cpp, clang for its bindings; venv for the stock clients of the tests
packages="build-essential ca-certificates clang cmake libclang-dev python3 python3-venv"
# the quickstart's pictures, without a download
optional="dataset-fashion-mnist"

missing() {
    for package in "$@"; do
        dpkg-query --show --showformat='${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed ||
            printf '%s ' "$package"
    done
}

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

if ! command -v cargo >/dev/null; then
    echo "deps: cargo is missing; install Rust 1.95 or later first" >&2
    exit 1
fi
if ! command -v apt-get >/dev/null; then
    echo "deps: this is no Debian or Ubuntu; a C compiler and Python 3 with venv must be there already"
    exit 0
fi

wanted=$(missing $packages $optional)
if [ -z "$wanted" ]; then
    echo "deps: system packages are there"
    exit 0
fi

echo "deps: installing $wanted"
as_root apt-get update -qq
for package in $wanted; do
    if ! as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$package" >/dev/null; then
        case " $optional " in
        *" $package "*) echo "deps: $package could not be installed; the quickstart will download its pictures instead" ;;
        *) echo "deps: $package could not be installed" >&2; exit 1 ;;
        esac
    fi
done
