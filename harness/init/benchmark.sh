# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154
#
# The benchmark of mapping, by the kernel's own tool as it comes: a PCI device
# without a driver is bound to dma_map_benchmark by its driver_override, measured
# for a second, and given back. What it measures is no result here: that it
# answers, in the tool's format, and that it refuses what is absurd, is one.

bench_file=/sys/kernel/debug/dma_map_benchmark

# device_without_driver VENDOR:DEVICE
device_without_driver() {
	local dev
	for dev in /sys/bus/pci/devices/*; do
		if [ "$(cat "$dev/vendor"):$(cat "$dev/device")" = "$1" ]; then
			echo "$dev"
			return
		fi
	done
	return 1
}

# lend VENDOR:DEVICE DRIVER: bound by hand, until it is taken back.
lend() {
	lent=$(device_without_driver "$1") || { fail "no PCI device $1"; return; }
	echo "$2" > "$lent/driver_override"
	echo "${lent##*/}" > /sys/bus/pci/drivers_probe
	[ -e "$lent/driver" ] || fail "${lent##*/}: $2 was not bound to it"
}

take_back() {
	[ ! -e "$lent/driver" ] || echo "${lent##*/}" > "$lent/driver/unbind"
	echo > "$lent/driver_override"
}

bench_latency='latency\(us\):[0-9]+\.[0-9] standard deviation:[0-9]+\.[0-9]$'

# What is wrong with the tool's answer, if anything.
bench_measure() {
	local out=/tmp/benchmark half
	dma_map_benchmark -t 2 -s 1 > "$out" 2>&1 || {
		echo "the tool fails: $(head -n 1 "$out")"
		return
	}
	detail_lines < "$out"
	grep -qx 'dma mapping benchmark: threads:2 seconds:1 node:-1 dir:BIDIRECTIONAL granule: 1' "$out" ||
		echo "the tool did not say what it measured"
	for half in map unmap; do
		grep -qE "^average $half $bench_latency" "$out" ||
			echo "no latency of $half"
	done
	! grep -q '^average map latency(us):0\.0' "$out" || echo "a map took no time"
}

# The tool checks most values itself, but not whether there is such a node.
bench_refuse() {
	! dma_map_benchmark -t 1 -s 1 -n 4000 > /tmp/benchmark 2>&1 ||
		echo "node 4000 was accepted"
	dmesg | grep -q 'dma_map_benchmark: node 4000: expected -1 for any, or one of 0' ||
		echo "the log does not say what is wrong with node 4000"
}

# bench_row TEST SECONDS PROBLEMS
bench_row() {
	row edu dma_map_bench "$route" "$1" 0 "$2" "${3:-ok}"
}

# test_benchmark VENDOR:DEVICE
test_benchmark() {
	local dev start problem route=none
	dev=$(device_without_driver "$1") || {
		bench_row "find the device" 0 "no PCI device $1"
		return
	}
	route=$(route_of "$dev")
	lend "$1" dma_map_benchmark
	[ -e "$bench_file" ] || {
		bench_row "bind the device" 0 "no $bench_file"
		return
	}
	start=$(now)
	problem=$(bench_measure | head -n 1)
	bench_row "map, 2 threads" "$(since "$start")" "$problem"
	[ "$guest_layer" = stock ] ||
		bench_row "refuse a node" 0 "$(bench_refuse | head -n 1)"
	take_back
	[ ! -e "$bench_file" ] || bench_row "unbind the device" 0 "$bench_file is left"
}
