#!/usr/bin/env bash
# Installs what the tests need, builds, runs everything, and closes with one line:
#   N passed, N failed, N skipped
#
#   build-asan   ASan + UBSan with faults: every suite
#   build-tsan   TSan: the suites about what threads share
#   build-fuzz   clang, ASan + UBSan: the fuzz targets, for some seconds each
set -u
cd "$(dirname "$0")/.."

./deploy/install-deps.sh --tests || exit 1
export ASAN_OPTIONS=detect_leaks=1:strict_string_checks=1:detect_stack_use_after_return=1
export UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1
# gRPC, FAISS and BLAS are not instrumented: what happens inside them is not ours to see.
export TSAN_OPTIONS=ignore_noninstrumented_modules=1:report_thread_leaks=0:halt_on_error=1
export OPENBLAS_NUM_THREADS=1
failed_builds=0

# What threads share: these run under TSan as well.
concurrent="test_mailbox test_places test_pool test_crew test_lists_build test_shared test_gives_way test_precedence test_writer test_queries
	test_catalog test_catalog_corpus test_catalog_crash test_catalog_keep test_catalog_keep_text test_catalog_refresh
	test_stage test_truth test_call test_grpc test_http test_same_bytes test_bm25_updates"

suite() { # directory, sanitizer, more options to set it up, names of tests (none: all)
	local dir=$1 sanitizer=$2 options=$3
	shift 3
	echo "== $dir"
	rm -f "$dir"/meson-logs/testlog*.xml
	# shellcheck disable=SC2086
	[ -d "$dir" ] || meson setup "$dir" -Dfaults=true -Db_sanitize="$sanitizer" $options >"$dir.log" || {
		cat "$dir.log"
		failed_builds=$((failed_builds + 1))
		return
	}
	meson test -C "$dir" --print-errorlogs --timeout-multiplier "${TEST_PATIENCE:-3}" "$@" ||
		[ -f "$dir/meson-logs/testlog.junit.xml" ] || failed_builds=$((failed_builds + 1))
}

suite build-asan address,undefined ""
# shellcheck disable=SC2086
suite build-tsan thread "" $concurrent
CC=clang suite build-fuzz address,undefined -Dfuzzers=true --suite fuzzing

python3 tests/count.py "$failed_builds" build-asan build-tsan build-fuzz
