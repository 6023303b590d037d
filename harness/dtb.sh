# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# Sourced by the scripts that boot a machine with a device tree of ours: the tree
# that this very QEMU makes, with a .dtso laid over it. In the .dtso each @NAME@
# stands for the phandle of a node of QEMU's tree.
#
# The caller sets run, the directory for what is made, and log, the file for what
# the tools say; dt_tokens, a list of NAME=COMPATIBLE or NAME=/PATH, says which
# node each @NAME@ means.

# Set by who sources this.
# shellcheck disable=SC2154

# dtb_nodes PATH: all nodes below it, each below its parent.
dtb_nodes() {
	local child
	while IFS= read -r child; do
		[ -n "$child" ] || continue
		say "${1%/}/$child"
		dtb_nodes "${1%/}/$child"
	done < <(fdtget -l "$run/dump.dtb" "$1")
}

# dtb_find COMPATIBLE|/PATH
dtb_find() {
	local node
	case $1 in /*) say "$1"; return ;; esac
	[ -f "$run/nodes" ] || dtb_nodes / > "$run/nodes"
	while IFS= read -r node; do
		case " $(fdtget "$run/dump.dtb" "$node" compatible 2>/dev/null) " in
		*" $1 "*) say "$node"; return ;;
		esac
	done < "$run/nodes"
}

# dtb_fill DTSO: it with each @NAME@ replaced, as overlay.dts.
dtb_fill() {
	local token node phandle left script=''
	for token in "${dt_tokens[@]}"; do
		grep -q "@${token%%=*}@" "$1" || continue
		node=$(dtb_find "${token#*=}")
		phandle=$(fdtget -t x "$run/dump.dtb" "${node:-/none}" phandle 2>/dev/null) ||
			die "$1: @${token%%=*}@: QEMU's device tree has no ${token#*=} with a phandle"
		script+="s/@${token%%=*}@/0x$phandle/g;"
	done
	sed "$script" "$1" > "$run/overlay.dts"
	left=$(grep -o '@[A-Z][A-Z0-9_]*@' "$run/overlay.dts" | head -n 1) || true
	[ -z "$left" ] || die "$1: $left: not known here, expected one of: ${dt_tokens[*]%%=*}"
}

# dtb_dump QEMU ARGUMENT...: the machine's own tree, as dump.dtb. dtc drops the
# blanks that QEMU leaves, which fdtget can't read.
dtb_dump() {
	rm -f "$run/nodes"
	"$@" -display none -serial null -machine "dumpdtb=$run/raw.dtb" >> "$log" 2>&1 ||
		die "$1 refuses its arguments: $(tail -n 1 "$log") ($log)"
	dtc -q -I dtb -O dtb -o "$run/dump.dtb" "$run/raw.dtb" 2>> "$log" ||
		die "$run/raw.dtb: no device tree from $1: $(tail -n 1 "$log") ($log)"
}

# dtb_compile DTS: a source of the kernel's tree, as dump.dtb; with its labels, so
# that a .dtso may use them.
dtb_compile() {
	rm -f "$run/nodes"
	{ cpp -nostdinc -undef -D__DTS__ -x assembler-with-cpp -I "$tree/include" \
		-o "$run/board.dts" "$1" &&
	  dtc -q -@ -I dts -O dtb -o "$run/dump.dtb" "$run/board.dts"
	} >> "$log" 2>&1 || die "$1: no device tree from it: $(first_error "$log") ($log)"
}

# dtb_overlay DTSO OUT: dump.dtb with the .dtso laid over it.
dtb_overlay() {
	dtb_fill "$1"
	dtc -q -@ -i "$harness/dts" -I dts -O dtb -o "$run/overlay.dtbo" "$run/overlay.dts" 2>> "$log" ||
		die "$1: dtc refuses it: $(first_error "$log") ($log)"
	fdtoverlay -i "$run/dump.dtb" -o "$2" "$run/overlay.dtbo" >> "$log" 2>&1 ||
		die "$1: does not fit this QEMU's device tree: $(tail -n 1 "$log") ($log)"
}
