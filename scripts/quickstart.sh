#!/usr/bin/env bash
# From a folder of pictures to an answered TensorFlow Serving call. Called by `make quickstart`, which builds first.
set -euo pipefail
cd "$(dirname "$0")/.."

wharf=${WHARF:?"call this as \`make quickstart\`"}
grpc_port=${QUICKSTART_GRPC_PORT:-8500}
rest_port=${QUICKSTART_REST_PORT:-8501}
# Whoever asks for free ports wants no others taken either.
other_ports=()
[ "$grpc_port" != 0 ] || other_ports=(--oip-rest-port 0 --oip-grpc-port 0 --http-port 0 --metrics-port 0)
work=$(mktemp -d)
server=

stop_server() {
    if [ -n "$server" ] && kill -0 "$server" 2>/dev/null; then
        kill -TERM "$server"
        wait "$server" || true
    fi
    rm -rf "$work"
}
trap stop_server EXIT

step() { printf '\n== %s\n' "$*"; }
show() { printf '$ %s\n' "${*/#$wharf/wharf}"; "$@"; }

step "1. Get Fashion-MNIST"
show "$wharf" data fetch fashion-mnist
show "$wharf" data sample data/fashion-mnist --into data/samples --count 5

step "2. Train and publish"
show "$wharf" train recipes/fashion-mnist.toml
show "$wharf" models ls

step "3. Serve"
echo "$ wharf serve"
"$wharf" serve --grpc-port "$grpc_port" --rest-port "$rest_port" "${other_ports[@]}" --ready-file "$work/ready.json" &
server=$!
while [ ! -s "$work/ready.json" ]; do
    kill -0 "$server" 2>/dev/null || { wait "$server"; exit 1; }
    sleep 0.1
done
port_of() { sed -n "s/.*\"$1\": *\([0-9]*\).*/\1/p" "$work/ready.json"; }
grpc="127.0.0.1:$(port_of grpc)"
rest="127.0.0.1:$(port_of rest)"

step "4. Predict over gRPC, then over REST"
show "$wharf" predict fashion-mnist data/samples/*.png --server "$grpc"
show "$wharf" predict fashion-mnist data/samples/*.png --server "$rest" --protocol rest

step "5. The same with curl, as any TensorFlow Serving client would ask"
picture=$(ls data/samples/*.png | head -n 1)
request='{"signature_name": "encoded", "instances": [{"b64": "'$(base64 -w 0 "$picture")'"}]}'
echo "\$ curl -d '{\"signature_name\": \"encoded\", \"instances\": [{\"b64\": \"...\"}]}' http://$rest/v1/models/fashion-mnist:predict"
if command -v curl >/dev/null; then
    printf '%s' "$request" | curl --silent --show-error --fail -d @- "http://$rest/v1/models/fashion-mnist:predict"
else
    echo "(curl is not installed)"
fi

report=$(ls -td runs/*/report.html 2>/dev/null | head -n 1)
cat <<END

== Done
The training report is $report (open it in a browser).
Try next:
  wharf models show fashion-mnist
  wharf runs show
  wharf predict fashion-mnist YOUR_PICTURE.png --server $grpc
  curl http://$rest/v1/models/fashion-mnist/metadata
  wharf data fetch cifar10 && wharf train recipes/cifar10-seed.toml
(wharf is $wharf)
END

if [ "${QUICKSTART_EXIT:-0}" = 1 ]; then
    exit 0
fi
echo
echo "The server keeps running on $grpc (gRPC) and $rest (REST). Ctrl-C stops it."
trap 'kill -TERM "$server" 2>/dev/null || true' INT TERM
wait "$server" || true
server=
