# Thin: every target is one command that can be typed by hand. `make demo` and `make test` are all a newcomer needs.
.PHONY: help setup build demo test soak lint bench clean-data
.DEFAULT_GOAL := help

help:            ## This list
	@grep -E '^[a-z-]+: .*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 20

setup:           ## Get the prebuilt DuckDB library, once per user
	@.ci/setup

build: setup     ## Build the binary
	@cargo build --locked

demo: setup      ## Run everything on this machine against simulated APIs
	@cargo run --locked --quiet -- demo

test: setup      ## Run all tests
	@.ci/test

soak: setup      ## Kill runs at random for MINUTES=10 and compare with an undisturbed twin; SEED=1 repeats one
	@ETL_SOAK_MINUTES=$(or $(MINUTES),10) ETL_SOAK_SEED=$(SEED) NEXTEST_PROFILE=soak .ci/test --no-capture -E 'test(/^soak::/)'

lint: setup      ## Formatting, clippy, and the lints of scripts and workflows
	@cargo fmt --check
	@cargo clippy --locked --all-targets --quiet -- --deny warnings
	@.ci/lint

bench: setup     ## Measure speed and memory; docs/performance.md tells what to expect
	@cargo bench --locked

clean-data:      ## Remove the default lake and database below data/
	@find data -mindepth 1 -maxdepth 1 ! -name README.md -exec rm -rf {} +
