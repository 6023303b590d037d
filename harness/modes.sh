# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034
#
# Sourced: the modes of the IOMMU and of the bounce buffers in which a board can
# be booted (MODE=). For each, what has to be true in the guest when it is in
# effect, and the words on the kernel's command line that ask for it:
#
# type     what /sys/kernel/iommu_groups/*/type says for the board's devices
# route    how these reach memory then (iommu, direct)
# checks   what else shows that the mode is in effect; each word is a function
#          of harness/init/modes.sh
#
# A board without an IOMMU says so in its file with no_modes="WHY", which ends
# the sentence "board NAME ...". A mode that is asked for in the device tree is for
# boards alone that have a harness/dts/BOARD-MODE.dtso.

mode_table() {
	cat <<-END
	strict       DMA       iommu   low,plain,live  iommu.strict=1
	lazy         DMA-FQ    iommu   low,plain       iommu.strict=0
	passthrough  identity  direct  plain           iommu.passthrough=1
	forcedac     DMA       iommu   high,plain      iommu.strict=1 iommu.forcedac=1
	shadow       DMA       iommu   low,shadow      iommu.strict=1 iommu.shadow=1
	bounce       identity  direct  bounce          iommu.passthrough=1 swiotlb=force
	nobounce     identity  direct  plain,nobounce  iommu.passthrough=1 swiotlb=noforce
	restricted   none      direct  bounce,restricted
	undebugged   DMA       iommu   undebugged      iommu.strict=1 dma_debug=off
	END
}

mode_names() { mode_table | cut -d' ' -f1 | paste -sd' '; }

# mode_overlay MODE BOARD
mode_overlay() { say "$harness/dts/$2-$1.dtso"; }
needs_overlay() { [ "$1" = restricted ]; }

# why_no_mode MODE BOARD: nothing if the board can be booted in it. A board's file
# only sets variables; what is in $run matters to harness/boot.
why_no_mode() {
	(
		run='' no_modes=''
		# shellcheck disable=SC1090
		. "$harness/boards/$2"
		if [ -n "$no_modes" ]; then say "$no_modes"
		elif needs_overlay "$1" && [ ! -f "$(mode_overlay "$1" "$2")" ]; then say "has no device tree for it"
		fi
	)
}

# check_mode MODE BOARD: a mode, and one that this board can have.
check_mode() {
	local why
	case " $(mode_names) " in
	*" $1 "*) ;;
	*) die "MODE=$1: unknown; possible: $(mode_names)" ;;
	esac
	why=$(why_no_mode "$1" "$2")
	[ -z "$why" ] || die "MODE=$1: board $2 $why"
}

# load_mode MODE: its row of the table as mode_type, mode_route, mode_checks and
# mode_words.
load_mode() {
	local name
	while read -r name mode_type mode_route mode_checks mode_words; do
		[ "$name" != "$1" ] || return 0
	done < <(mode_table)
}
