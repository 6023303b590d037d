# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154
#
# The tree's dmatest copies memory through every channel of the SoC's DMA engine
# and verifies source, destination and what lies around them. Each channel has to
# report a summary of its own; the number of channels is the board's.

zdma_param() { echo "$2" > "/sys/module/dmatest/parameters/$1"; }

# The last summary of each channel, as "channel tests failures".
zdma_summaries() {
	dmesg | sed -n 's/.*dmatest: \([^ ]*\)-copy[0-9]*: summary \([0-9]*\) tests, \([0-9]*\) failures.*/\1 \2 \3/p' |
		awk '{ tests[$1] = $2; bad[$1] = $3 }
		END { for (c in tests) print c, tests[c], bad[c] }' | sort
}

# test_zdma CHANNELS
test_zdma() {
	local wanted=$1 start took channel tests bad result found=0
	start=$(now)
	zdma_param timeout 5000
	zdma_param iterations "$zdma_iterations"
	zdma_param test_buf_size "$zdma_buf_size"
	zdma_param channel ""
	zdma_param run 1
	cat /sys/module/dmatest/parameters/wait > /dev/null
	took=$(since "$start")
	zdma_param run 0	# dmatest gives the channels back
	zdma_summaries > /tmp/summaries
	while read -r channel tests bad; do
		found=$((found + 1)) result=ok
		[ "$tests" = "$zdma_iterations" ] && [ "$bad" = 0 ] ||
			result="$bad of $tests failed, $zdma_iterations wanted"
		row zdma zynqmp-dma direct "$channel: $tests copies" - \
			"$took" "$result"
	done < /tmp/summaries
	[ "$found" = "$wanted" ] ||
		row zdma zynqmp-dma direct "all channels" - "$took" \
			"$found channels, not $wanted"
}
