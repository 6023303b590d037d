# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# Sourced by harness/checks/trees and harness/trees-record: how a kernel is booted
# with each of the device trees of harness/dts/trees, and what it answers.
#
# A tree is what QEMU's virt has, with a .dtso laid over it. The head of the .dtso
# says in lines of its own what a boot needs besides:
#
#   * memory: SIZE      of the machine; 1G if it does not say. RAM starts at 1 GiB
#   * words: WORD...    on the kernel's command line
#   * schema: NODE...   that our schemas refuse (harness/checks/bindings)
#
# Two banks of RAM are made by linux,usable-memory-range, and memory that the
# kernel does not know as RAM by mem=.
#
# The kernel's driver in tests/trees/ tells what it finds and powers off, before
# there is any user space. Its lines become one file for all trees, a line for each
# answer:
#
#   TREE: DEVICE: WHAT: ANSWER
#
# and for each tree one with what its log complains of: "TREE: log: complaints: N".

# Set by who sources this.
# shellcheck disable=SC2154

# shellcheck source=harness/dtb.sh
. "$harness/dtb.sh"
# shellcheck source=harness/init/figures.sh
. "$harness/init/figures.sh"

trees=$harness/dts/trees
tree_timeout=${TREE_TIMEOUT:-120}
dt_tokens=("SMMU=arm,smmu-v3")
# A CPU with pages of each size that Linux has.
machine=(qemu-system-aarch64 -nodefaults -no-reboot -smp 1 -cpu cortex-a76
	-machine "virt,iommu=smmuv3,gic-version=3")

tree_names() { (cd "$trees" && for f in *.dtso; do say "${f%.dtso}"; done | LC_ALL=C sort); }

check_trees() {
	local name
	for name in "$@"; do
		[ -f "$trees/$name.dtso" ] || die "TREES: $name: not one of $trees/*.dtso"
	done
}

# tree_setting TREE KEY
tree_setting() { sed -n "s/^ \* $2: //p; /\*\//q" "$trees/$1.dtso"; }

# make_dtbs TREE...: in $run.
make_dtbs() {
	local name
	: > "$log"
	dtb_dump "${machine[@]}"
	for name in "$@"; do dtb_overlay "$trees/$name.dtso" "$run/$name.dtb"; done
}

# boot_tree IMAGE TREE: its log is $run/TREE.log, its answers $run/TREE.answers.
boot_tree() {
	local name=$2 memory words log=$run/$2.log status=0
	memory=$(tree_setting "$name" memory)
	words=$(tree_setting "$name" words)
	# The guest has more memory than it uses, and the host need not have it.
	setpriv --pdeathsig KILL timeout "$tree_timeout" "${machine[@]}" \
		-m "${memory:-1G}" -machine memory-backend=ram \
		-object "memory-backend-ram,id=ram,size=${memory:-1G},reserve=off" \
		-dtb "$run/$name.dtb" -kernel "$1" -display none -monitor none -serial stdio \
		-append "console=ttyAMA0 earlycon panic=-1 oops=panic dma_trees.run=1 $words" \
		< /dev/null > "$log" 2>&1 9>&- || status=$?
	tr -d '\r' < "$log" > "$log.tmp"
	mv "$log.tmp" "$log"
	{ sed -n "s/^\[.*\] trees: /$name: /p" "$log" | grep -v "^$name: done: " || true
	  say "$name: log: complaints: $(tree_complaints "$log" | wc -l)"
	  grep -q '^\[.*\] trees: done: ' "$log" || say "$name: boot: ended: $(tree_end "$log" "$status")"
	} > "$run/$name.answers"
}

# What the log complains of; that dma-debug is on, stock says in words of its own.
tree_complaints() { find_complaints < "$1" | grep -Ev 'DMA-API: (preallocated|debugging enabled)' || true; }

# Why a boot has not come to its end.
tree_end() {
	if grep -q 'Kernel panic' "$1"; then sed -n 's/.*Kernel panic - /panic /p' "$1" | head -n 1 | tr : ' '
	elif [ "$2" = 124 ]; then say "hung for $tree_timeout s"
	else say "early, code $2"
	fi
}

# boot_trees IMAGE TREE...: as many at a time as there are CPUs.
boot_trees() {
	local image=$1 name
	shift
	for name in "$@"; do
		while [ "$(jobs -rp | wc -l)" -ge "$(nproc)" ]; do wait -n; done
		boot_tree "$image" "$name" &
	done
	wait
}

# The kernel as it comes that is compared with tree_kernel's.
stock_tree_kernel() { local ours; ours=$(tree_kernel "$1"); say "${ours%-arm64}-stock-arm64"; }

check_page_size() {
	case $1 in 4|16|64) ;; *) die "$1: pages of so many KiB are unknown; possible: 4 16 64" ;; esac
}
