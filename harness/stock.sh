# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# Sourced by the scripts that compare our kernel with the one as it comes (stock).
# Both are built from one configuration: ours from the overlaid tree; the other one
# from build/stock, which is the pristine tree, by symbolic links, and those of our
# tests that need nothing of ours. A symbol that both kernels know and that has
# two values is an error.
#
# The caller sets run, a directory for temporary files, and holds the lock
# build/run/.stock.lock (take_stock_lock).

# Set by who sources this.
# shellcheck disable=SC2154

stock=$build/stock

take_stock_lock() { take_lock "$build/run/.stock.lock" "comparison with the stock kernel"; }

# put FROM TO: only when it differs, so that make rebuilds only what changed.
put() { cmp -s "$1" "$2" || { rm -f "$2"; cp "$1" "$2"; }; }

# All of the pristine tree by links.
link_pristine() {
	local entry
	[ "$(cat "$stock.from" 2>/dev/null)" != "$1" ] || return 0
	rm -rf "$stock" "${out:?}"/*-stock-*
	mkdir -p "$stock"
	for entry in "$1"/*; do ln -s "$entry" "$stock/"; done
	say "$1" > "$stock.from"
}

# The pristine tree that unpack copied, and the tests.
make_stock() {
	local from dir file
	from=$(cat "$tree.from")
	link_pristine "$from"
	for dir in bench trees; do
		mkdir -p "$stock/tests/$dir"
		for file in "$root/tests/$dir"/*; do put "$file" "$stock/tests/$dir/${file##*/}"; done
	done
	# Where our tree has its tests too, so that initcalls have the same order.
	awk '{ print } $1 == "obj-y" && $3 == "kernel/" {
		print "obj-$(CONFIG_DMA_BENCH) += tests/bench/"
		print "obj-$(CONFIG_DMA_TREES_TEST) += tests/trees/"; n++ }
		END { exit n != 1 }' "$from/Kbuild" > "$run/Kbuild" ||
		die "$from/Kbuild: not one line adds kernel/"
	put "$run/Kbuild" "$stock/Kbuild"
	{ cat "$from/Kconfig"
	  say 'source "tests/bench/Kconfig"'
	  say 'source "tests/trees/Kconfig"'; } > "$run/Kconfig"
	put "$run/Kconfig" "$stock/Kconfig"
}

# config_values KERNEL: "CONFIG_NAME VALUE" of all symbols that it knows.
config_values() {
	sed -nE 's/^(CONFIG_[A-Za-z0-9_]+)=(.*)/\1 \2/p
		s/^# (CONFIG_[A-Za-z0-9_]+) is not set/\1 n/p' "$out/$1/.config"
}

# check_configs STOCK OURS: two kernels.
check_configs() {
	local differ
	differ=$(awk '{ name = $1; sub(/^[^ ]+ /, "") }
		NR == FNR { stock[name] = $0; next }
		name in stock && stock[name] != $0 { print name }' \
		<(config_values "$1") <(config_values "$2") | paste -sd' ')
	[ -z "$differ" ] || die "the configurations of both kernels differ: $differ"
}
