# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154
#
# What the kernel itself says: the table of requests, the pools' figures, and
# whether its log holds anything that must not be there. When the board is booted
# with a stock kernel for reference (guest_layer=stock), the parts that only our
# layer has are named as absent; otherwise their absence is a failure.

debug=/sys/kernel/debug

absent() {
	if [ "$guest_layer" = stock ]; then
		report "$1: absent"
	else
		fail "$1: absent"
	fi
}

# The last line is "requests: N passed, N failed".
# run_requests run|large: all requests, or the large mappings behind an IOMMU
# alone. The board's PCI device without a driver is lent to the test driver.
run_requests() {
	local last file=$debug/dma-requests/$1
	title "requests"
	if [ ! -e "$file" ]; then
		absent "$file"
		return
	fi
	[ -z "$guest_bench" ] || lend "$guest_bench" dma-requests
	cat "$file" > /tmp/requests 2>&1
	[ -z "$guest_bench" ] || take_back
	report_lines < /tmp/requests
	last=$(tail -n 1 /tmp/requests)
	case $last in
	"requests: 0 passed"*) fail "no request was made: $last" ;;
	"requests: "*" passed, 0 failed") ;;
	"requests: "*) fail "$last" ;;
	*) fail "requests: no count in the last line: $last" ;;
	esac
}

show_figures() {
	title "pools"
	if [ -e $debug/dma/pools ]; then
		report_lines < $debug/dma/pools
	else
		absent $debug/dma/pools
	fi
	if [ -e $debug/dma/allocations ]; then
		cat $debug/dma/allocations > /tmp/allocations
		report "$debug/dma/allocations: $(wc -l < /tmp/allocations) lines, in the log"
		detail_lines < /tmp/allocations
	else
		absent $debug/dma/allocations
	fi
}

# Lines that the kernel prints when something is wrong: splats (of lockdep and
# the sanitizers, too), faults of an IOMMU, errors found by dma-debug, and I/O that
# a driver had to give up. harness/checks/boot-log has an example of each.
complaints='WARNING: |BUG: |Oops|Call [Tt]race|cut here|UBSAN: '
complaints="$complaints|INFO: (task|rcu|possible|inconsistent|suspicious|trying)"
complaints="$complaints|Unable to handle|Internal error|general protection fault"
complaints="$complaints|page allocation failure|page dumped because|corruption|Unexpected gfp"
complaints="$complaints|DMA-API: |(DMAR|DMAR-IR): .*(fault|DMA (Read|Write)|Error|INTR-REMAP\])"
complaints="$complaints|arm-smmu.*(event 0x|unexpected|GERROR|CMDQ error|fault|timeout|overflow|aborted)"
complaints="$complaints|virtio_iommu.*(fault|invalid|could not)"
complaints="$complaints|swiotlb buffer is full|swiotlb: .*(refused|lost|not unmapped)"
complaints="$complaints|(I/O|ADMA|DMA) error"
complaints="$complaints|nvme.*(timeout|reset controller)|ata[0-9.]*: .*(exception|failed)"
complaints="$complaints|mmc[0-9].*(Timeout|error -)|Detected Hardware Unit Hang"
complaints="$complaints|NETDEV WATCHDOG|dmatest: .*(result #[0-9]*: '[^t]|failure:)"

harmless='(report|detail): |DMA-API: dma-debug (is on,|is off, as asked for|has grown to)'

find_complaints() { grep -E "$complaints" | grep -Ev "$harmless"; }

check_log() {
	local errors disabled=N
	is_debugged || disabled=Y
	title "kernel log"
	dmesg | find_complaints > /tmp/complaints
	if [ -s /tmp/complaints ]; then
		head -n 10 /tmp/complaints | report_lines
		fail "the kernel's log has $(wc -l < /tmp/complaints) complaints"
	else
		report "no splat, no fault, no error in $(dmesg | wc -l) lines"
	fi
	errors=$(cat $debug/dma-api/error_count 2>/dev/null || echo none)
	report "dma-debug: $errors errors"
	# Those of drivers that are known for them are counted and not printed; the
	# first of any other's is a complaint.
	if [ "$errors" = none ] || { [ "$errors" != 0 ] && [ -z "$guest_mistaken" ]; }; then
		fail "dma-debug counts $errors errors, 0 wanted"
	fi
	[ "$(cat $debug/dma-api/disabled 2>/dev/null)" = $disabled ] ||
		fail "dma-debug is $([ $disabled = Y ] && echo on || echo "off or has disabled itself")"
}
