#!/bin/sh
# Installs the Debian 12 packages that building hardminer and showing it need; with --tests also
# those that its tests need. Does nothing, fast, when all are there.
set -eu

build="meson ninja-build pkg-config gcc g++ libc6-dev protobuf-compiler protobuf-c-compiler
libprotobuf-c-dev libgrpc-dev libmicrohttpd-dev libuv1-dev libsqlite3-dev libfaiss-dev
libopenblas-dev liblapacke-dev libjansson-dev libcurl4-openssl-dev libxxhash-dev libzstd-dev
libstemmer-dev libutf8proc-dev python3 curl"
tests="check clang clang-format libclang-rt-14-dev python3-grpcio python3-protobuf python3-numpy"

case "$#:${1:-}" in
0:) wanted=$build ;;
1:--tests) wanted="$build $tests" ;;
*)
	echo "usage: $0 [--tests]" >&2
	exit 2
	;;
esac

missing=
for package in $wanted; do
	status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) || status=
	[ "$status" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

as_root=
if [ "$(id -u)" != 0 ]; then
	as_root=sudo
	command -v sudo >/dev/null || {
		echo "$0: run it as root, or install sudo: these packages are missing:$missing" >&2
		exit 1
	}
fi

log=$(mktemp)
trap 'rm -f "$log"' EXIT

# Quiet while it goes well, everything apt said when it does not.
apt() {
	$as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300 "$@" \
		>"$log" 2>&1
}

echo "Installing Debian packages:$missing"
# Lists that are absent or old are fetched; fresh ones are not fetched again.
if ! apt install -y --no-install-recommends $missing; then
	echo "Fetching Debian's package lists first"
	apt update || { cat "$log" >&2; echo "$0: apt-get update failed" >&2; exit 1; }
	apt install -y --no-install-recommends $missing || {
		cat "$log" >&2
		echo "$0: apt-get install failed" >&2
		exit 1
	}
fi
