# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154
#
# A boot in one of the IOMMU's modes (harness/modes.sh): the real drivers alone,
# on the route that the kernel chose by itself, and what shows that the mode is
# in effect. The board's configuration says what to expect: guest_type is the
# type that each device's group has to have, guest_checks names the functions
# below (mode_NAME) to call once the drivers have done their work.

# row_of NAME BUS/DRIVER TEST RESULT
row_of() { row "$1" "$(driver_of "$2")" "$(route_of_driver "$2")" "$3" - - "$4"; }

group_of() { echo "/sys/bus/${1%/*}/devices/$2/iommu_group"; }

# check_type NAME BUS/DRIVER: the group of each of the driver's devices.
check_type() {
	local dev group type number=- result found=''
	for dev in $(devices_of "$2"); do
		found=1 result=ok
		group=$(group_of "$2" "$dev")
		type=$(cat "$group/type" 2>/dev/null || echo none)
		[ "$type" = "$guest_type" ] || result="is $type"
		[ ! -e "$group" ] || number=$(basename "$(readlink -f "$group")")
		row_of "$1" "$2" "group $number is $guest_type" "$result"
	done
	[ -n "$found" ] || row_of "$1" "$2" "group is $guest_type" "no device"
}

# Addresses that dma-debug has for a device's mappings (its dump has a line for
# each, with the address as D=HEX), without leading zeros.
addresses_of() {
	grep -F " $1 " "$debug/dma-api/dump" |
		sed -n 's/.* D=\(0x\)\{0,1\}0*\([0-9a-f]\{1,\}\) .*/\2/p'
}

# check_addresses NAME BUS/DRIVER low|high: PCI devices get addresses below
# 4 GiB while there are any, unless the kernel was told iommu.forcedac=1.
check_addresses() {
	local dev all high what="addresses below 4 GiB" result=ok
	[ "$3" = low ] || what="an address above 4 GiB"
	for dev in $(devices_of "$2"); do
		addresses_of "$dev" > "/tmp/addresses.$1"
		all=$(wc -l < "/tmp/addresses.$1")
		high=$(awk 'length($0) > 8' "/tmp/addresses.$1" | wc -l)
		case $3 in
		low) [ "$high" = 0 ] || result="$high of $all lie above" ;;
		high) [ "$high" != 0 ] || result="all $all lie below" ;;
		esac
		[ "$all" != 0 ] || result="dma-debug knows of no mapping"
		row_of "$1" "$2" "$what" "$result"
	done
}

# Disks only: a network card that is down has nothing mapped.
each_disk_maps() {
	local entry
	for entry in $guest_disks; do
		check_addresses "${entry%%:*}" "${entry#*:}" "$1"
	done
}

mode_low() { each_disk_maps low; }
mode_high() { each_disk_maps high; }

# What the file says of shadow pages: mappings that they served in all domains.
# Nothing if it has no such column or something else than numbers in it.
shadow_served() {
	awk 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == "mapped") column = i; next }
		$column !~ /^[0-9]+$/ { bad = 1 }
		{ sum += $column }
		END { if (column && !bad) print sum + 0 }' "$debug/dma/shadow"
}

mode_shadow() {
	local served
	title "shadow pages"
	if [ ! -e "$debug/dma/shadow" ]; then
		fail "$debug/dma/shadow: absent"
		return
	fi
	report_lines < "$debug/dma/shadow"
	served=$(shadow_served)
	[ "${served:-0}" -gt 0 ] ||
		fail "$debug/dma/shadow: ${served:-no number of} mappings served"
}

# The opposite: without the mode no mapping may be a shadow page.
mode_plain() {
	local served
	[ -e "$debug/dma/shadow" ] || return 0
	served=$(shadow_served)
	[ "$served" = 0 ] ||
		fail "$debug/dma/shadow: ${served:-no number of} mappings served, in a mode without"
}

# bytes_bounced [DEVICE]: by one device, or by all
bytes_bounced() {
	awk -v dev="$1" '$3 ~ /^[0-9]+$/ && (!dev || $1 == dev) { sum += $3 }
		END { print sum + 0 }' "$debug/dma/bounce"
}

# Each disk's device, and whether it has bounced what was read and written.
mode_bounce() {
	local entry dev least
	title "bounce buffers"
	report_lines < "$debug/dma/bounce"
	for entry in $guest_disks; do
		for dev in $(devices_of "${entry#*:}"); do
			least=$((host_units * $(unit_of "${entry%%:*}") << 10))
			[ "$(bytes_bounced "$dev")" -gt "$least" ] ||
				fail "${entry%%:*}: $debug/dma/bounce: $(bytes_bounced "$dev") bytes of $dev"
		done
	done
}

# The opposite: there is no bounce buffer at all.
mode_nobounce() {
	[ "$(bytes_bounced "")" = 0 ] ||
		fail "$debug/dma/bounce: $(bytes_bounced "") bytes, in a mode without"
}

# Nothing but the restricted pool has served the devices.
mode_restricted() {
	local set used
	set=$(echo "$debug"/swiotlb/restricted-pci@*)
	used=$(cat "$set/io_tlb_used_hiwater" 2>/dev/null || echo 0)
	report "$set: $used of $(cat "$set/io_tlb_nslabs" 2>/dev/null || echo 0) slots were in use"
	[ "$used" -gt 0 ] || fail "$set: never in use"
	used=$(cat "$debug/swiotlb/io_tlb_used_hiwater")
	[ "$used" = 0 ] || fail "$debug/swiotlb: $used slots of the default pool were in use"
}

is_debugged() { [ "$guest_mode" != undebugged ]; }

# Who has switched dma-debug off sees and pays nothing of it.
mode_undebugged() {
	[ "$(cat "$debug/dma-api/disabled")" = Y ] || fail "dma-debug is on"
	[ ! -s "$debug/dma-api/dump" ] ||
		fail "$debug/dma-api/dump: $(wc -l < "$debug/dma-api/dump") mappings"
}

# The type of a group can be changed from DMA to DMA-FQ while its driver works.
live_at=96 live_mib=4

# Writes two contents by turns and reads each back, until told to stop. Each
# pass leaves a line, so that one can see how far it is.
live_io() {
	local pass=0 src
	until [ -e /tmp/live.stop ]; do
		src=/tmp/live.$((pass % 2))
		disk_dd if="$src" of="/dev/$blk" bs=64k seek=$((live_at << 4)) \
			oflag=direct conv=notrunc
		disk_dd if="/dev/$blk" bs=64k skip=$((live_at << 4)) \
			count=$((live_mib << 4)) iflag=direct | cmp -s - "$src" ||
			echo "pass $pass reads other data" >> /tmp/live.bad
		pass=$((pass + 1))
		echo $pass >> /tmp/live.passes
	done
	detail "wrote $name $((live_at << 10)) $((live_mib << 10)) $(sum < "$src")"
}

live_passes() { wc -l < /tmp/live.passes; }
has_passes() { [ "$(live_passes)" -ge "$1" ]; }

# live_change GROUP: says how the passes lay around the change, or what failed.
live_change() {
	local before
	wait_for 20 has_passes 2 || { echo "no I/O before the change"; return; }
	echo DMA-FQ > "$1/type" || { echo "the group refused DMA-FQ"; return; }
	before=$(live_passes)
	wait_for 20 has_passes $((before + 3)) || { echo "no I/O after the change"; return; }
	[ "$(cat "$1/type")" = DMA-FQ ] || { echo "is $(cat "$1/type") afterwards"; return; }
	echo ok
}

# The first disk of the board.
mode_live() {
	local entry=${guest_disks%% *} name blk group dev result start src
	name=${entry%%:*} entry=${entry#*:}
	dev=$(devices_of "$entry" | head -n 1)
	group=$(group_of "$entry" "$dev")
	blk=$(child_of "$entry" block) || {
		row_of "$name" "$entry" "DMA to DMA-FQ in use" "no disk"
		return
	}
	for src in /tmp/live.0 /tmp/live.1; do
		disk_dd if=/dev/urandom of="$src" bs=1M count=$live_mib iflag=fullblock
	done
	: > /tmp/live.passes
	start=$(now)
	live_io &
	result=$(live_change "$group")
	touch /tmp/live.stop
	wait
	[ ! -s /tmp/live.bad ] || result=$(head -n 1 /tmp/live.bad)
	row "$name" "$(driver_of "$entry")" "$(route_of_driver "$entry")" "DMA to DMA-FQ in use" \
		$(($(live_passes) * live_mib << 20)) "$(since "$start")" "$result"
}

# test_release NAME BUS/DRIVER: nothing may be left mapped for the devices, and
# dma-debug says in the log what is. Without it, at least the drivers let go.
test_release() {
	local dev left result devices
	devices=$(devices_of "$2")
	release "$2"
	for dev in $devices; do
		result=ok
		[ ! -e "/sys/bus/${2%/*}/devices/$dev/driver" ] || result="still bound"
		if is_debugged; then
			left=$(addresses_of "$dev" | wc -l)
			[ "$left" = 0 ] || result="$left mappings left"
		fi
		row "$1" "$(driver_of "$2")" "$guest_routes" "unbind the driver" - - "$result"
	done
}

test_mode() {
	local entry check
	table_row device driver route test bytes seconds result
	for entry in $(all_devices); do
		check_type "${entry%%:*}" "${entry#*:}"
	done
	test_devices "$guest_routes"
	show_rows
	for check in $guest_checks; do
		"mode_$check"
		show_rows
	done
	[ "$guest_routes" = direct ] || run_requests large
	for entry in $(all_devices); do
		is_among "${entry%%:*}" "$guest_clinging" ||
			test_release "${entry%%:*}" "${entry#*:}"
	done
	show_rows
}
