# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154
#
# A network card fetches a file of several MiB from QEMU's TFTP server, and the
# checksum is compared with the one that the host took. The addresses are those
# of QEMU's user network.

has_carrier() { [ "$(cat "/sys/class/net/$1/carrier" 2>/dev/null)" = 1 ]; }

# net_up BUS/DRIVER: says the interface's name once it has a link.
net_up() {
	local ifname
	ifname=$(wait_for 10 child_of "$1" class/net) || return 1
	ifconfig "$ifname" 10.0.2.15 netmask 255.255.255.0 up || return 1
	wait_for 10 has_carrier "$ifname" || return 1
	echo "$ifname"
}

# test_net NAME BUS/DRIVER ROUTE
test_net() {
	local name=$1 driver=${2#*/} route=$3 ifname start got result=ok
	local file=/tmp/fetched.$1
	ifname=$(net_up "$2") || {
		row "$name" "$driver" "$route" "bring the link up" 0 0 "no link after 10 s"
		return
	}
	route=$(route_of_driver "$2")
	[ "$route" = "$3" ] ||
		row "$name" "$driver" "$route" "take the route $3" 0 0 "took $route"
	start=$(now)
	tftp -g -b 1428 -r payload -l "$file" 10.0.2.2 2>&1 | detail_lines
	got=$([ ! -f "$file" ] || sum < "$file")
	[ "$got" = "$payload_sum" ] || result="fetched $(short "$got"), not $(short "$payload_sum")"
	row "$name" "$driver" "$route" "fetch by TFTP" \
		"$(stat -c %s "$file" 2>/dev/null || echo 0)" "$(since "$start")" "$result"
	rm -f "$file"
	ifconfig "$ifname" down
}
