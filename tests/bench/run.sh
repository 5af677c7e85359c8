#!/usr/bin/env bash
# Builds release and measures. Prints one `name value unit partner ratio` line each; the ratio is
# ours over the partner's, both taken in turns in this run. tests/bench/README.md reads them.
set -eu
cd "$(dirname "$0")/../.."
./deploy/install-deps.sh
[ -d build-bench ] || meson setup build-bench --buildtype=release >&2
ninja -C build-bench tests/bench/bench server/hardminerd >&2
data=$(mktemp -d)
trap 'rm -rf "$data"' EXIT
OPENBLAS_NUM_THREADS=1 ./build-bench/tests/bench/bench build-bench/server/hardminerd "$data"
