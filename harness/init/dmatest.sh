# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154
#
# The tree's dmatest copies memory through every channel of the SoC's DMA engine
# and verifies source, destination and what lies around them. Each channel has to
# report a summary of its own; the number of channels is the board's.

dmatest_param() { echo "$2" > "/sys/module/dmatest/parameters/$1"; }

# The last summary of each channel, as "channel tests failures".
dmatest_summaries() {
	dmesg | sed -n 's/.*dmatest: \([^ ]*\)-copy[0-9]*: summary \([0-9]*\) tests, \([0-9]*\) failures.*/\1 \2 \3/p' |
		awk '{ tests[$1] = $2; bad[$1] = $3 }
		END { for (c in tests) print c, tests[c], bad[c] }' | sort
}

# test_engine NAME BUS/DRIVER CHANNELS
test_engine() {
	local name=$1 driver=${2#*/} wanted=$3 start took channel tests bad result found=0
	start=$(now)
	dmatest_param timeout 5000
	dmatest_param iterations "$dmatest_iterations"
	dmatest_param test_buf_size "$dmatest_buf_size"
	dmatest_param channel ""
	dmatest_param run 1
	cat /sys/module/dmatest/parameters/wait > /dev/null
	took=$(since "$start")
	dmatest_param run 0	# dmatest gives the channels back
	dmatest_summaries > /tmp/summaries
	while read -r channel tests bad; do
		found=$((found + 1)) result=ok
		[ "$tests" = "$dmatest_iterations" ] && [ "$bad" = 0 ] ||
			result="$bad of $tests failed, $dmatest_iterations wanted"
		row "$name" "$driver" direct "$channel: $tests copies" - \
			"$took" "$result"
	done < /tmp/summaries
	[ "$found" = "$wanted" ] ||
		row "$name" "$driver" direct "all channels" - "$took" \
			"$found channels, not $wanted"
}
