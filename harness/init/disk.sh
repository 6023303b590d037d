# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154
#
# A disk is written with random data and read back, past the page cache
# (O_DIRECT) and through it, and an area that the host filled is read. The
# checksum is taken from the data before it is written. What was written where
# is told in the log ("detail: wrote DISK KiB-OFFSET KiB-LENGTH SUM"), so that
# the host can look for it in the disk's image after the shutdown.
#
# Amounts are in units of the board's, smaller ones on a slow disk. What passes the
# page cache is asked for in one piece, and the block layer is told to hand on
# as much at once as the controller takes: that makes large requests. A disk of
# guest_modest is spared them. The controller of a disk of guest_alone has other
# commands meanwhile.

# disk_dd ARGS...: quiet when all is well.
disk_dd() {
	dd "$@" 2> "/tmp/dd.$name" && return
	detail_lines < "/tmp/dd.$name"
	return 1
}

drop_caches() { sync; echo 3 > /proc/sys/vm/drop_caches; }

# disk_result GOT WANTED
disk_result() {
	if [ "$1" = "$2" ]; then echo ok; else echo "read $(short "$1"), not $(short "$2")"; fi
}

# The unit of a disk, in KiB
unit_of() {
	if is_among "$1" "$guest_slow"; then echo $((guest_unit / 16)); else echo "$guest_unit"; fi
}

# write_read OFFSET LENGTH direct|cached, in units; what is direct goes in one
# piece, of which the offset has to be a multiple
write_read() {
	local offset=$1 length=$2 how=$3 src=/tmp/data.$name got=''
	local wanted start out=conv=notrunc,fsync in='' piece=1
	[ "$how" = cached ] || { out='conv=notrunc oflag=direct' in=iflag=direct; }
	[ "$how" = cached ] || is_among "$name" "$guest_modest" || piece=$length
	disk_dd if=/dev/urandom of="$src" bs="${unit}k" count="$length" iflag=fullblock
	wanted=$(sum < "$src")
	start=$(now)
	# shellcheck disable=SC2086
	if disk_dd if="$src" of="/dev/$blk" bs=$((unit * piece))k seek=$((offset / piece)) $out; then
		drop_caches
		got=$(disk_dd if="/dev/$blk" bs=$((unit * piece))k skip=$((offset / piece)) \
			count=$((length / piece)) $in | sum)
		detail "wrote $name $((offset * unit)) $((length * unit)) $wanted"
	fi
	row "$name" "$driver" "$route" "write and read, $how" \
		$((length * unit << 10)) "$(since "$start")" "$(disk_result "$got" "$wanted")"
	rm "$src"
}

raise_requests() {
	local queue=/sys/block/$blk/queue
	is_among "$name" "$guest_modest" || cat "$queue/max_hw_sectors_kb" > "$queue/max_sectors_kb"
}

read_host_area() {
	local start got
	start=$(now)
	got=$(disk_dd if="/dev/$blk" bs="${unit}k" count="$host_units" iflag=direct | sum)
	row "$name" "$driver" "$route" "read the host's data" \
		$((host_units * unit << 10)) "$(since "$start")" \
		"$(disk_result "$got" "$(eval echo "\$host_sum_$name")")"
}

# look_elsewhere CHANNEL: each second the disk's controller is asked for a disk that is
# not there
look_elsewhere() {
	local host
	host=$(readlink -f "/sys/block/$blk" | sed 's|.*/\(host[0-9]*\)/.*|\1|')
	while sleep 1; do echo "$1 9 0" > "/sys/class/scsi_host/$host/scan"; done
}

# test_disk NAME BUS/DRIVER ROUTE
test_disk() {
	local name=$1 driver route=$3 blk base=16 unit looking=''
	driver=$(driver_of "$2")
	unit=$(unit_of "$1")
	[ "$route" = iommu ] || base=64
	blk=$(wait_for 30 child_of "$2" block) || {
		row "$name" "$driver" "$route" "find the disk" 0 0 "no disk after 30 s"
		return
	}
	raise_requests
	route=$(route_of_driver "$2")
	[ "$route" = "$3" ] ||
		row "$name" "$driver" "$route" "take the route $3" 0 0 "took $route"
	! is_among "$name" "$guest_alone" || { look_elsewhere 2 & looking=$!; }
	read_host_area
	write_read $base 8 direct
	write_read $((base + 16)) 4 cached
	[ -z "$looking" ] || { kill "$looking"; wait "$looking"; } 2> /dev/null
	[ "$name" != sd ] || check_adma
}

# The card's controller must not have fallen back to programmed I/O or SDMA.
check_adma() {
	local mode
	mode=$(dmesg | sed -n 's/.*SDHCI controller on .*using \(.*\)/\1/p' | head -n 1)
	case $mode in
	ADMA*) row "$name" "$driver" "$route" "uses $mode" 0 0 ok ;;
	*) row "$name" "$driver" "$route" "uses ADMA" 0 0 "uses ${mode:-no DMA}" ;;
	esac
}
