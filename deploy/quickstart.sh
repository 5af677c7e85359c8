#!/usr/bin/env bash
# The main job on real text, from nothing: installs what is missing, builds, starts hardminerd on
# free loopback ports with a temporary data directory, and mines hard negatives for 2,000 short
# descriptions of Debian packages among 63,000 long ones.
#
#   deploy/quickstart.sh [--keep] [--data DIR] [--to FILE]
set -euo pipefail

usage() {
	cat <<-END
	usage: $0 [--keep] [--data DIR] [--to FILE]

	  --keep      leave the daemon running, with what it knows, and say how to reach it
	  --data DIR  mine this BEIR folder (corpus.jsonl, queries.jsonl, qrels) instead
	  --to FILE   where the training data goes (negatives.jsonl)
	END
}

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
source_tree=$(dirname "$here")
build=$source_tree/build-release
keep=
data=
to=$PWD/negatives.jsonl
while [ $# -gt 0 ]; do
	case $1 in
	--keep) keep=yes ;;
	--data | --to)
		[ $# -gt 1 ] || { usage >&2; exit 2; }
		if [ "$1" = --data ]; then data=$(realpath -- "$2"); else to=$(realpath -- "$2"); fi
		shift
		;;
	--help | -h) usage; exit 0 ;;
	*) usage >&2; exit 2 ;;
	esac
	shift
done

bold= plain=
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
	bold=$'\033[1m' plain=$'\033[0m'
fi
began=$SECONDS
step=preparing
say() {
	step=$1
	printf '\n%s== %s%s\n' "$bold" "$1" "$plain"
}

work=$(mktemp -d "${TMPDIR:-/tmp}/hardminer.XXXXXX")
daemon=
finish() {
	local status=$?
	trap - EXIT
	[ $status = 0 ] || printf '\n%squickstart: this step failed: %s%s\n' "$bold" "$step" "$plain" >&2
	if [ $status = 0 ] && [ -n "$keep" ]; then
		exit 0
	fi
	if [ $status != 0 ] && [ -s "$work/hardminerd.log" ]; then
		echo "the daemon's last words:" >&2
		tail -n 20 "$work/hardminerd.log" >&2
	fi
	if [ -n "$daemon" ]; then
		kill "$daemon" 2>/dev/null || true
		wait "$daemon" 2>/dev/null || true
	fi
	rm -rf "$work"
	exit $status
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# Runs a command silently, and shows all it said when it fails.
quietly() {
	"$@" >"$work/output" 2>&1 || { cat "$work/output" >&2; return 1; }
}

say "Debian packages that building needs"
"$here/install-deps.sh"
echo "all there"

say "building (release, into build-release/)"
if [ ! -f "$build/build.ninja" ]; then
	quietly meson setup "$build" "$source_tree" --buildtype=release -Dtests=false
fi
quietly ninja -C "$build" server/hardminerd client/cli/hardminer
hardminer=$build/client/cli/hardminer
echo "$build/server/hardminerd"
echo "$hardminer"

if [ -z "$data" ]; then
	say "fetching Debian's package descriptions"
	lists=$work/lists
	data=$work/debian
	mkdir -p "$lists/partial" "$work/cache/archives/partial"
	sandbox=()
	[ "$(id -u)" != 0 ] || sandbox=(-o APT::Sandbox::User=root)
	quietly apt-get -o Acquire::Languages=en -o Dir::State::Lists="$lists" \
		-o Dir::Cache="$work/cache" -o APT::Update::Post-Invoke::= \
		-o Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false "${sandbox[@]}" update
	python3 "$here/debian_descriptions.py" "$lists" "$data" 2000
	rm -rf "$lists" "$work/cache"
fi

say "starting hardminerd"
mkdir "$work/data"
"$build/server/hardminerd" --data-dir "$work/data" --http-listen 127.0.0.1:0 \
	--grpc-listen 127.0.0.1:0 >"$work/ready" 2>"$work/hardminerd.log" </dev/null &
daemon=$!
for _ in $(seq 300); do
	! grep -q ^ready "$work/ready" || break
	kill -0 "$daemon" 2>/dev/null || { echo "it ended at once" >&2; exit 1; }
	sleep 0.1
done
read -r _ http grpc _ <"$work/ready" || { echo "it did not become ready in 30 s" >&2; exit 1; }
http=${http#http=}
export HARDMINER_SERVER=${grpc#grpc=}
echo "REST http://$http   gRPC $HARDMINER_SERVER"

say "importing"
"$hardminer" import demo "$data"

say "encoding with lsa (256 dimensions)"
"$hardminer" encode demo

# Documents of the positive's source package are siblings, not negatives: exclude_groups.
say "what the tables show"
cat <<-END
	query        its text
	  + positive   score
	  - negative   score   rank among all candidates   who proposed it   text
	and why the other candidates were not chosen, each counted once under its first reason
END
recipe=(--num-negatives 7 --exclude-groups --seed 1)
for strategy in margin bm25 margin+bm25; do
	say "mining with $strategy"
	"$hardminer" mine demo --strategy "$strategy" "${recipe[@]}" --show 2 \
		--name "$(tr + - <<<"$strategy")"
done

say "writing training data"
"$hardminer" export demo margin-bm25 --format n-tuple --to "$to"
echo "$to: sentence-transformers reads it with"
echo "  load_dataset(\"json\", data_files=\"$to\")"
"$hardminer" --quiet export demo margin-bm25 --format n-tuple --ids --to "$work/ids.jsonl" 2>"$work/output"
python3 "$here/check_groups.py" "$data/corpus.jsonl" "$work/ids.jsonl"

say "the same for one query, with curl and with the command line"
query=$(head -n 1 "$data/queries.jsonl" | sed -n 's/.*"_id": *"\([^"]*\)".*/\1/p')
body='{"strategy":"margin+bm25","num_negatives":3,"exclude_groups":true,"queries":[{"id":"'$query'"}]}'
echo "curl -s http://$http/v1/collections/demo:mine -d '$body'"
if command -v curl >/dev/null; then
	curl -sS --fail-with-body "http://$http/v1/collections/demo:mine" \
		-H 'Content-Type: application/json' -d "$body" | cut -c 1-600
	echo
else
	echo "(curl is not installed here)"
fi
echo
echo "hardminer mine demo --id '$query' --strategy margin+bm25 --exclude-groups"
"$hardminer" mine demo --id "$query" --strategy margin+bm25 --exclude-groups

say "done in $((SECONDS - began)) s"
if [ -n "$keep" ]; then
	echo "hardminerd goes on as process $daemon; its data is in $work"
	echo "  export HARDMINER_SERVER=$HARDMINER_SERVER"
	echo "  $hardminer info"
	echo "  kill $daemon && rm -r $work"
fi
