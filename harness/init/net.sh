# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154
#
# A network card fetches a file of several MiB from QEMU's TFTP server, and the
# checksum is compared with the one that the host took. Then it sends the file by
# TCP to a host that sends it back, in large packets both ways at a time. The
# addresses are those of QEMU's user networks: the board's cards are in 10.0.2.0,
# 10.0.3.0 and so on, in their order, with the gateway and TFTP server at 2, the
# echo at 100.

has_carrier() { [ "$(cat "/sys/class/net/$1/carrier" 2>/dev/null)" = 1 ]; }

# network_of NAME: the first three numbers of its addresses
network_of() {
	local entry number=2
	for entry in $guest_nets; do
		[ "${entry%%:*}" != "$1" ] || { echo 10.0.$number; return; }
		number=$((number + 1))
	done
}

# net_up NAME BUS/DRIVER: says the interface's name once it has a link.
net_up() {
	local ifname
	ifname=$(wait_for 30 child_of "$2" class/net) || return 1
	ifconfig "$ifname" "$(network_of "$1").15" netmask 255.255.255.0 up || return 1
	wait_for 30 has_carrier "$ifname" || return 1
	echo "$ifname"
}

# fetch_result FILE: is it what the host gave, as its checksum $wanted says?
fetch_result() {
	local got=''
	[ ! -f "$1" ] || got=$(sum < "$1")
	if [ "$got" = "$wanted" ]; then
		echo ok
	else
		echo "fetched $(short "$got"), not $(short "$wanted")"
	fi
}

size_of() { stat -c %s "$1" 2>/dev/null || echo 0; }

# Sends what was fetched, and gets it back.
echo_by_tcp() {
	local start
	start=$(now)
	timeout 120 nc "$network.100" 7 < "$file" > "$file.back"
	row "$name" "$driver" "$route" "send and get back" "$(size_of "$file.back")" \
		"$(since "$start")" "$(fetch_result "$file.back")"
	rm -f "$file.back"
}

# test_net NAME BUS/DRIVER ROUTE
test_net() {
	local name=$1 driver route=$3 ifname start network payload=payload wanted=$payload_sum
	local file=/tmp/fetched.$1
	driver=$(driver_of "$2") network=$(network_of "$1")
	ifname=$(net_up "$1" "$2") || {
		row "$name" "$driver" "$route" "bring the link up" 0 0 "no link after 30 s"
		return
	}
	route=$(route_of_driver "$2")
	[ "$route" = "$3" ] ||
		row "$name" "$driver" "$route" "take the route $3" 0 0 "took $route"
	! is_among "$name" "$guest_slow" || payload=payload-slow wanted=$payload_slow_sum
	start=$(now)
	tftp -g -b 1428 -r "$payload" -l "$file" "$network.2" 2>&1 | detail_lines
	row "$name" "$driver" "$route" "fetch by TFTP" "$(size_of "$file")" \
		"$(since "$start")" "$(fetch_result "$file")"
	[ -z "$guest_echo" ] || [ ! -f "$file" ] || echo_by_tcp
	rm -f "$file"
	ifconfig "$ifname" down
}
