# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# Sourced by the checks: how a result is told. One line on the terminal, and one
# in $RESULTS, from which harness/check counts, and repeats why something failed.

note_result() { [ -z "${RESULTS:-}" ] || printf '%s %s\n' "$1" "$2" >> "$RESULTS"; }

# pass|fail|skip NAME TEXT
pass() { note_result pass "$1"; say "ok $1 - $2"; }
fail() { note_result fail "$1 - $2"; say "not ok $1 - $2"; }
skip() { note_result skip "$1"; say "ok $1 # SKIP $2"; }

# Our files below the given directories, as the tree has them.
our_files() {
	(cd "$root" && for d in "$@"; do [ ! -d "$d" ] || find "$d" -type f; done | LC_ALL=C sort)
}

# boot_result NAME ARCH BOARD [MODE]: boot it; the last line says how that ended.
boot_result() {
	local name=$1 start=$SECONDS said=$build/check/$1
	shift
	mkdir -p "$build/check"
	if "$harness/boot" run "$@" 2>&1 | tee "$said"; then
		pass "$name" "PASS (boot $(clock "$start"))"
	else
		fail "$name" "$(tail -n 1 "$said")"
	fi
}
