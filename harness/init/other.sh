# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash disable=SC2154
#
# Devices that are neither disk nor network card. Sound: a buffer is played, and
# what the device has fetched of it is seen to move, at the pace of its interrupts.
# Random numbers: the device has but one letter to give. Display: the screen is
# drawn, and the host compares what QEMU shows of it. Balloon: the guest's memory
# shrinks and grows as QEMU's monitor is told.

ask_monitor() { detail "monitor: $*"; }

# other_row TEST BYTES RESULT
other_row() {
	row "$name" "$driver" "$route" "$1" "$2" "$(since "$start")" "$3"
}

# open_test NAME BUS/DRIVER ROUTE: the variables of a test; the route as it is.
open_test() {
	name=$1 driver=$(driver_of "$2") start=$(now) route=$(route_of_driver "$2")
	[ "$route" = "$3" ] || other_row "take the route $3" 0 "took $route"
}

# Where in the buffer the sound device is, in frames since the start.
sound_position() { sed -n 's/^hw_ptr *: *\([0-9]*\)$/\1/p' "$1" 2>/dev/null; }

is_past() {
	local position
	position=$(sound_position "$1")
	[ "${position:-0}" -gt "$2" ]
}

# The device has to fetch on, until the buffer is played to its end; a position
# is seen on the way there. On a busy machine the end may come before a second one.
play() {
	local status=/proc/asound/${dsp_card}/pcm0p/sub0/status first player
	dd if=/dev/urandom of="/dev/$dsp" bs=1k count=64 2> /dev/null &
	player=$!
	wait_for 20 is_past "$status" 0 || { echo "the device has fetched nothing after 20 s"; return; }
	first=$(sound_position "$status")
	wait_for 20 moves_on "$status" "${first:-0}" "$player" ||
		{ echo "the device stays at $first"; return; }
	wait "$player" || { echo "the buffer was not played to its end"; return; }
	echo ok
}

# moves_on STATUS POSITION PLAYER
moves_on() {
	is_past "$1" "$2" || ! kill -0 "$3" 2> /dev/null
}

# test_sound NAME BUS/DRIVER ROUTE
test_sound() {
	local name driver start route dsp dsp_card
	open_test "$@"
	dsp=$(wait_for 30 child_of "$2" class/sound dsp) || {
		other_row "find the sound device" 0 "no sound device after 30 s"
		return
	}
	dsp_card=$(basename "$(readlink -f "/sys/class/sound/$dsp/device")")
	other_row "play" 65536 "$(play)"
}

# test_rng NAME BUS/DRIVER ROUTE
test_rng() {
	local name driver start route got
	open_test "$@"
	got=$(timeout 300 dd if=/dev/hwrng bs=4k count=16 iflag=fullblock 2> /dev/null |
		tee /tmp/letters | wc -c)
	if [ "$got" != 65536 ]; then
		other_row "read" "$got" "$got bytes, not 65536"
	elif [ -n "$(tr -d Z < /tmp/letters)" ]; then
		other_row "read" "$got" "read something else than the host's letters"
	else
		other_row "read" "$got" ok
	fi
	rm -f /tmp/letters
}

# The whole screen, the same line again and again.
draw() {
	local i=0
	while [ $i -lt "$screen_height" ]; do
		cat /etc/line
		i=$((i + 1))
	done
}

# test_gpu NAME BUS/DRIVER ROUTE
test_gpu() {
	local name driver start route fb size=$((screen_width * screen_height * 4))
	open_test "$@"
	fb=$(wait_for 30 child_of "$2" class/graphics fb) || {
		other_row "find the display" 0 "no frame buffer after 30 s"
		return
	}
	# Without a console on it the display is off until somebody sets a mode.
	cat "/sys/class/graphics/$fb/virtual_size" > /tmp/size
	cat /tmp/size > "/sys/class/graphics/$fb/virtual_size"
	draw | dd of="/dev/$fb" bs="$size" iflag=fullblock 2> /dev/null || {
		other_row "draw" 0 "/dev/$fb takes less than $size bytes"
		return
	}
	: > /tmp/drawn
	other_row "draw" "$size" ok
}

# The driver shows what was drawn some 50 ms later, or more if the CPUs are busy: so
# this is called when all devices have been tested.
dump_screen() {
	[ -e /tmp/drawn ] || return 0
	rm /tmp/drawn
	ask_monitor "screendump $host_run/screen.ppm"
	detail "drew the screen"
}

ballooned() { awk -v what="balloon_$1" '$1 == what { print $2 }' /proc/vmstat; }
has_ballooned() { [ "$(ballooned "$1")" -ge "$2" ]; }

# balloon_to MiB inflate|deflate PAGES
balloon_to() {
	start=$(now)
	ask_monitor "balloon $1"
	if wait_for 60 has_ballooned "$2" "$3"; then
		other_row "$2" $(($3 << 12)) ok
	else
		other_row "$2" $(($3 << 12)) "$(ballooned "$2") of $3 pages after 60 s"
	fi
}

# test_balloon NAME BUS/DRIVER ROUTE
test_balloon() {
	local name driver start route pages=4096
	open_test "$@"
	balloon_to $((guest_memory_mib - (pages >> 8))) inflate \
		$(($(ballooned inflate) + pages))
	balloon_to "$guest_memory_mib" deflate $(($(ballooned deflate) + pages))
}
