#!/bin/sh
# Installs the partners that come from PyPI, apart from everything else, in build-peers/: numpy,
# torch, faiss-cpu, bm25s with numba, sentence-transformers with datasets. Some gigabytes, once; torch
# as PyPI has it brings libraries for graphics processors, which nothing here uses. Without them the
# lines that need them say so and are left out.
set -eu
cd "$(dirname "$0")/../.."
if ! /usr/bin/python3 -c 'import ensurepip' 2>/dev/null; then
	as_root=
	[ "$(id -u)" = 0 ] || as_root=sudo
	$as_root apt-get -q install -y --no-install-recommends python3-venv >&2
fi
[ -x build-peers/bin/pip ] || /usr/bin/python3 -m venv build-peers
build-peers/bin/pip install -q --disable-pip-version-check \
	numpy 'torch>=2' faiss-cpu bm25s numba sentence-transformers datasets
build-peers/bin/python - <<'END'
from importlib.metadata import version

for name in "numpy", "torch", "faiss-cpu", "bm25s", "numba", "sentence-transformers", "datasets":
    print(name, version(name))
END
