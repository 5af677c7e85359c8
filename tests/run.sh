#!/usr/bin/env bash
# Installs what the tests need, builds, runs everything, and closes with one line:
#   N passed, N failed, N skipped
#
#   build-asan   ASan + UBSan with faults: every suite
#   build-tsan   TSan: the suites whose subject is shared between threads
set -u
cd "$(dirname "$0")/.."

./deploy/install-deps.sh --tests || exit 1
export ASAN_OPTIONS=detect_leaks=1:strict_string_checks=1:detect_stack_use_after_return=1
export UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1
# gRPC, FAISS and BLAS are not instrumented: what happens inside them is not ours to see.
export TSAN_OPTIONS=ignore_noninstrumented_modules=1:halt_on_error=1
export OPENBLAS_NUM_THREADS=1
failed_builds=0

build() { # directory, setup options...
	local dir=$1
	shift
	if [ ! -d "$dir" ]; then
		meson setup "$dir" "$@" || return 1
	fi
	ninja -C "$dir"
}

suite() { # directory, sanitizer, arguments for meson test...
	local dir=$1 sanitizer=$2
	shift 2
	echo "== $dir"
	if ! build "$dir" -Dfaults=true -Db_sanitize="$sanitizer"; then
		failed_builds=$((failed_builds + 1))
		return
	fi
	meson test -C "$dir" --no-rebuild --print-errorlogs --timeout-multiplier "${TEST_PATIENCE:-2}" "$@"
}

rm -f build-asan/meson-logs/testlog*.xml build-tsan/meson-logs/testlog*.xml
suite build-asan address,undefined
suite build-tsan thread --suite concurrent

python3 tests/count.py "$failed_builds" build-asan build-tsan
