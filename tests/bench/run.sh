#!/usr/bin/env bash
# Builds release and measures. Prints one `name value unit partner ratio` line each, both sides taken
# in turns in this run. Arguments choose lines by name; BENCH_ROWS is how many vectors (1000000).
# tests/bench/README.md reads the lines.
set -eu
cd "$(dirname "$0")/../.."
./deploy/install-deps.sh
[ -d build-bench ] || meson setup build-bench --buildtype=release >&2
ninja -C build-bench tests/bench/bench tests/bench/faiss_partner server/hardminerd >&2
data=$(mktemp -d)
trap 'rm -rf "$data"' EXIT
export HARDMINER_SHARED="${HARDMINER_SHARED:-$PWD/../shared}" # where NFCorpus may be
OPENBLAS_NUM_THREADS=1 ./build-bench/tests/bench/bench build-bench/server/hardminerd \
	build-bench/tests/bench/faiss_partner build-peers/bin/python tests/bench/peer.py tests/bench/peer_bm25s.py \
	tests/bench/peer_st.py "$data" "$@"
