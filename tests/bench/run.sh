#!/usr/bin/env bash
# Builds release and measures. Prints one `name value unit partner ratio` line each; the ratio is
# ours over the partner's, both taken in turns in this run. tests/bench/README.md reads them.
set -eu
cd "$(dirname "$0")/../.."
./deploy/install-deps.sh
[ -d build-release ] || meson setup build-release --buildtype=release >&2
ninja -C build-release tests/bench/bench server/hardminerd >&2
data=$(mktemp -d)
trap 'rm -rf "$data"' EXIT
OPENBLAS_NUM_THREADS=1 ./build-release/tests/bench/bench build-release/server/hardminerd "$data"
