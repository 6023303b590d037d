# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154
#
# What all tests of the guest share: reporting, rows of the table, finding a
# driver's devices, and the route that they take to memory.

# One write is one record of the kernel's log, 1024 bytes at most.
report() { printf 'report: %.900s\n' "$*" > /dev/kmsg; }
detail() { printf 'detail: %.900s\n' "$*" > /dev/kmsg; }
report_lines() { while IFS= read -r line; do report "$line"; done; }
detail_lines() { while IFS= read -r line; do detail "$line"; done; }

title() { report ""; report "== $*"; }

# A failure is told at once and remembered for the verdict.
fail() {
	report "FAIL: $*"
	echo "$*" >> /tmp/failures
}

table_row() {
	report "$(printf '%-8s %-14s %-7s %-24s %9s %8s  %s' "$@")"
}

# row NAME DRIVER ROUTE TEST BYTES SECONDS RESULT: kept until show_rows, since
# the tests run side by side; a file for each device keeps them apart. The log has
# it at once, for a boot that does not come that far.
row() {
	detail "$1 ($3), $4: $7"
	[ "$7" = ok ] || echo "$1 ($3), $4: $7 after $6 s" >> /tmp/failures
	printf '%s|%s|%s|%s|%s|%s|%s\n' "$@" >> "/tmp/rows.$1"
}

show_rows() {
	local file name driver route what bytes seconds result
	for file in /tmp/rows.*; do
		[ -f "$file" ] || continue
		while IFS='|' read -r name driver route what bytes seconds result; do
			[ "$result" = ok ] || result="FAIL: $result"
			table_row "$name" "$driver" "$route" "$what" "$bytes" \
				"$seconds" "$result"
		done < "$file"
		rm "$file"
	done
}

now() { cut -d' ' -f1 /proc/uptime; }
uptime_seconds() {
	local seconds
	IFS=. read -r seconds _ < /proc/uptime
	echo "$seconds"
}
since() { echo "$1 $(now)" | awk '{ printf "%.1f", $2 - $1 }'; }
sum() { sha256sum | cut -c1-64; }
short() { printf '%.12s' "${1:-nothing}"; }

# wait_for SECONDS COMMAND...: until it succeeds, its output is ours. The command
# itself may take its time where much goes on.
wait_for() {
	local end
	end=$(($(uptime_seconds) + $1))
	shift
	while ! "$@"; do
		[ "$(uptime_seconds)" -lt "$end" ] || return 1
		sleep 0.1
	done
}

# is_among NAME LIST: is it one of the words of the list?
is_among() {
	case " $2 " in
	*" $1 "*) return 0 ;;
	*) return 1 ;;
	esac
}

# All entries NAME:BUS/DRIVER[@PLACE] of the board.
# shellcheck disable=SC2086
all_devices() { echo $guest_disks $guest_nets $guest_sounds $guest_others; }

# A virtio-iommu has the same PCI driver as the virtio devices behind it.
is_iommu() { ls -d "$1"/virtio*/iommu > /dev/null 2>&1; }

# What the tests are given of a device is BUS/DRIVER, or BUS/DRIVER@PLACE for one
# of several that a driver has on PCI. The place is the way from the PCI host to
# it: 1e.0-00.0 is function 00.0 behind the bridge 1e.0.
driver_of() {
	local driver=${1#*/}
	echo "${driver%@*}"
}

# is_at DEVICE PLACE
is_at() {
	local path
	path=$(readlink -f "$1" | sed 's|.*/pci0000:00/||; s|0000:[0-9a-f]*:||g; s|/|-|g')
	[ "$path" = "$2" ]
}

# devices_of BUS/DRIVER[@PLACE]: the devices that the driver is bound to.
devices_of() {
	local dev place=''
	case $1 in *@*) place=${1#*@} ;; esac
	for dev in "/sys/bus/${1%/*}/drivers/$(driver_of "$1")"/*; do
		[ -e "$dev/driver" ] || continue
		[ -z "$place" ] || is_at "$dev" "$place" || continue
		is_iommu "$dev" || echo "${dev##*/}"
	done
}

# child_of BUS/DRIVER CLASS [NAME]: the first of /sys/CLASS/NAME* that lies under
# one of the driver's devices.
child_of() {
	local dev entry
	for dev in $(devices_of "$1"); do
		for entry in "/sys/$2/${3:-}"*; do
			case $(readlink -f "$entry") in
			*"/$dev/"*) echo "${entry##*/}"; return 0 ;;
			esac
		done
	done
	return 1
}

# Direct: no IOMMU, or one that passes the device through.
route_of() {
	local type
	type=$(cat "$1/iommu_group/type" 2>/dev/null)
	case $type in
	DMA|DMA-FQ) echo iommu ;;
	identity|'') echo direct ;;
	*) echo "$type" ;;
	esac
}

# route_of_driver BUS/DRIVER
route_of_driver() {
	local dev
	dev=$(devices_of "$1" | head -n 1)
	route_of "/sys/bus/${1%/*}/devices/$dev"
}

# set_route BUS/DRIVER ROUTE: the driver is taken off its devices, the IOMMU
# group gets the other kind of domain, the driver is bound again.
set_route() {
	local dev path type=DMA
	[ "$2" = iommu ] || type=identity
	for dev in $(devices_of "$1"); do
		path=/sys/bus/${1%/*}/devices/$dev
		[ "$(route_of "$path")" != "$2" ] || continue
		if [ ! -e "$path/iommu_group" ]; then
			fail "$dev: has no IOMMU, the route $2 was asked for"
			continue
		fi
		echo "$dev" > "$path/driver/unbind"
		echo "$type" > "$path/iommu_group/type" ||
			fail "$dev: its IOMMU group refused the type $type"
		echo "$dev" > "/sys/bus/${1%/*}/drivers/$(driver_of "$1")/bind"
	done
}

# release BUS/DRIVER: the driver gives its devices back. Before the end of a boot
# behind a virtio-iommu it has to, since the kernel resets that one before it
# shuts the drivers down, which then wait in vain for their devices.
release() {
	local dev
	for dev in $(devices_of "$1"); do
		echo "$dev" > "/sys/bus/${1%/*}/drivers/$(driver_of "$1")/unbind"
	done
}

verdict() {
	title "result"
	report "$(printf 'up for %s seconds' "$(now)")"
	if [ -s /tmp/failures ]; then
		report "guest: FAIL: $(wc -l < /tmp/failures) failed: $(head -n 3 /tmp/failures | paste -sd';')"
	else
		report "guest: PASS"
	fi
}
