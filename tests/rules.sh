#!/usr/bin/env bash
# The house rules that a machine can check. Prints TAP; each rule names the lines that break it.
set -u
cd "$(dirname "$0")/.."
n=0

list() { find "$@" -type f \( -name '*.c' -o -name '*.h' -o -name '*.cc' \) | sort; }
search() { # pattern, folders...
	local pattern=$1
	shift
	list "$@" | xargs grep -nE "$pattern" /dev/null
}

rule() { # name, offending lines
	n=$((n + 1))
	if [ -z "$2" ]; then
		echo "ok $n - $1"
	else
		echo "not ok $n - $1"
		printf '%s\n' "$2" | head -30 | sed 's/^/# /'
	fi
}

# Includes go one way: server -> workers -> storage -> proto, client -> proto.
rule 'proto includes nothing of ours' "$(search '^#include "(storage|workers|server|client|tests)/' proto)"
rule 'storage includes proto alone' "$(search '^#include "(workers|server|client|tests)/' storage)"
rule 'workers include storage and proto' "$(search '^#include "(server|client|tests)/' workers)"
rule 'server does not include client' "$(search '^#include "(client|tests)/' server)"
rule 'client includes proto alone' "$(search '^#include "(storage|workers|server|tests)/' client)"

all="proto storage workers server client"
# Only what stands outside comments and strings counts, near enough.
banned='(^|[^a-z_0-9.>"])(strcpy|strcat|strncpy|strncat|sprintf|vsprintf|gets|atoi|atol|atof|strtok|alloca|system|popen|rand|srand) ?\('
rule 'no banned calls' "$(search "$banned" $all | grep -vE '^[^:]+:[0-9]+:[[:space:]]*(\*|/\*)')"
rule 'nothing below server/ prints or exits' \
	"$(search '(^|[^a-z_0-9])(printf|puts|perror|fputs|fprintf|putchar|exit|abort) ?\(' proto storage workers |
		grep -vE '^[^:]+:[0-9]+:[[:space:]]*(\*|/\*)|__attribute__')"
rule 'C++ lives in one file' "$(list $all | grep '\.cc$' | grep -v '^storage/vectors/faiss\.cc$')"
rule 'FAISS is touched by one file' \
	"$(search '<faiss/|faiss::' $all | grep -v '^storage/vectors/faiss\.cc:')"
rule 'every file has a name of its own' "$(list $all | grep -E '/(utils?|helpers?|common|misc)\.')"
rule 'no file is longer than 600 lines' \
	"$(list $all tests | xargs wc -l | awk '$2 != "total" && $1 > 600')"
rule 'nothing is left for later' "$(search '\b(TODO|FIXME|XXX|HACK)\b' $all tests)"
rule 'SQL is literal' "$(search 'sqlite3_exec *\([^,]+,[^"]*$' $all)"

if command -v clang-format >/dev/null; then
	rule 'clang-format agrees' "$(list $all tests | grep -v '^proto/operations\.h$' |
		xargs clang-format --dry-run 2>&1 | grep 'warning:')"
else
	n=$((n + 1))
	echo "ok $n - clang-format agrees # SKIP clang-format is not installed"
fi
echo "1..$n"
