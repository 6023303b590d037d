# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154
#
# A disk is written with random data and read back, past the page cache
# (O_DIRECT) and through it, and an area that the host filled is read. The
# checksum is taken from the data before it is written. What was written where
# is told in the log ("detail: wrote DISK MiB-OFFSET MiB-LENGTH SUM"), so that
# the host can look for it in the disk's image after the shutdown.

# disk_dd ARGS...: quiet when all is well.
disk_dd() {
	dd bs=1M "$@" 2> "/tmp/dd.$name" && return
	detail_lines < "/tmp/dd.$name"
	return 1
}

drop_caches() { sync; echo 3 > /proc/sys/vm/drop_caches; }

# disk_result GOT WANTED
disk_result() {
	if [ "$1" = "$2" ]; then echo ok; else echo "read $(short "$1"), not $(short "$2")"; fi
}

# write_read OFFSET LENGTH direct|cached, in MiB
write_read() {
	local offset=$1 length=$2 how=$3 src=/tmp/data.$name got=''
	local wanted start out=conv=notrunc,fsync in=''
	[ "$how" = cached ] || { out='conv=notrunc oflag=direct' in=iflag=direct; }
	disk_dd if=/dev/urandom of="$src" count="$length" iflag=fullblock
	wanted=$(sum < "$src")
	start=$(now)
	# shellcheck disable=SC2086
	if disk_dd if="$src" of="/dev/$blk" seek="$offset" $out; then
		drop_caches
		got=$(disk_dd if="/dev/$blk" skip="$offset" count="$length" $in | sum)
		detail "wrote $name $offset $length $wanted"
	fi
	row "$name" "$driver" "$route" "write and read, $how" \
		$((length << 20)) "$(since "$start")" "$(disk_result "$got" "$wanted")"
	rm "$src"
}

read_host_area() {
	local start got
	start=$(now)
	got=$(disk_dd if="/dev/$blk" count="$host_mib" iflag=direct | sum)
	row "$name" "$driver" "$route" "read the host's data" \
		$((host_mib << 20)) "$(since "$start")" \
		"$(disk_result "$got" "$(eval echo "\$host_sum_$name")")"
}

# test_disk NAME BUS/DRIVER ROUTE
test_disk() {
	local name=$1 driver=${2#*/} route=$3 blk base=16
	[ "$route" = iommu ] || base=64
	blk=$(wait_for 10 child_of "$2" block) || {
		row "$name" "$driver" "$route" "find the disk" 0 0 "no disk after 10 s"
		return
	}
	route=$(route_of_driver "$2")
	[ "$route" = "$3" ] ||
		row "$name" "$driver" "$route" "take the route $3" 0 0 "took $route"
	read_host_area
	write_read $base 8 direct
	write_read $((base + 16)) 4 cached
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
