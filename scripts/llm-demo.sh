#!/usr/bin/env bash
# Imports a small language model, serves it and talks with it. Called by `make llm-demo`.
#
# LLM_DEMO_EXIT=1 stops the server at the end; LLM_DEMO_PORT=PORT serves on another port than 8080 (0 takes a free one)
set -euo pipefail
cd "$(dirname "$0")/.."
wharf=${WHARF:?"call this as \`make llm-demo\`"}
model=${SMOLLM2:-models/smollm2-135m-instruct.gguf}
work=$(mktemp -d)
server=
stop() { [ -z "$server" ] || kill -TERM "$server" 2>/dev/null || true; rm -rf "$work"; }
trap stop EXIT

step() { printf '\n== %s\n' "$*"; }
show() { printf '$ %s\n' "${*/#$wharf/wharf}"; "$@"; }

step "1. Import"
show "$wharf" import "$model" --name smollm2

step "2. Serve"
echo "$ wharf serve"
"$wharf" serve --http-port "${LLM_DEMO_PORT:-8080}" --grpc-port off --rest-port off --oip-rest-port off --oip-grpc-port off \
    --metrics-port off --ready-file "$work/ready.json" &
server=$!
while [ ! -s "$work/ready.json" ]; do
    kill -0 "$server" 2>/dev/null || { wait "$server"; exit 1; }
    sleep 0.1
done
address="127.0.0.1:$(sed -n 's/.*"http": *\([0-9]*\).*/\1/p' "$work/ready.json")"
export WHARF_SERVER=$address

step "3. Ask"
show "$wharf" ps
show "$wharf" run smollm2 "What is the capital of France? Answer in one sentence." --temperature 0 --max-tokens 48

step "4. The same with curl, as any OpenAI client would ask"
request='{"model": "smollm2", "messages": [{"role": "user", "content": "Say hello."}], "max_tokens": 16, "temperature": 0}'
echo "\$ curl -H 'content-type: application/json' -d '$request' http://$address/v1/chat/completions"
curl --silent --show-error --fail -H 'content-type: application/json' -d "$request" "http://$address/v1/chat/completions"
echo

if [ "${LLM_DEMO_EXIT:-0}" = 1 ]; then
    exit 0
fi

step "5. Talk"
show "$wharf" chat smollm2
