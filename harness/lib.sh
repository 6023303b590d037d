# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034
#
# Sourced by every script of the harness: where things are, which values ARCH
# and BOARD have, how a failure is told, locks, and how make is called for a
# kernel. Nothing here may need more than bash, coreutils, util-linux and awk,
# since it runs before the packages are installed.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
harness=$root/harness
build=${BUILD:-$root/build}
logs=$build/logs
pristine=$build/pristine
tree=$build/tree
out=$build/out

# What the make that called us was given is in the environment already; the
# kernel's make must not see it a second time.
unset MAKEFLAGS MFLAGS MAKEOVERRIDES MAKELEVEL

archs="arm64 x86_64 riscv64 arm"
me=$(basename "$0")

# The last line of a failure: what was wrong, with the culprit and its value.
die() { printf '%s: %s\n' "$me" "$*" >&2; exit 1; }
say() { printf '%s\n' "$*"; }

# check_arch ARCH: one of those that we build for.
check_arch() {
	case " $archs " in
	*" $1 "*) ;;
	*) die "ARCH=$1: unknown; possible: $archs" ;;
	esac
}

# check_tree DIR: a 6.12 kernel tree, or a refusal.
check_tree() {
	local f version
	[ -d "$1" ] || die "$1: not a directory"
	for f in Makefile Kbuild Kconfig MAINTAINERS kernel/Makefile; do
		[ -f "$1/$f" ] || die "$1: not a kernel tree (no $f)"
	done
	version=$(sed -n 's/^\(VERSION\|PATCHLEVEL\) = //p' "$1/Makefile" |
		paste -sd.)
	[ "$version" = 6.12 ] ||
		die "$1: a tree of version ${version:-unknown}, but 6.12 is needed"
}

# take_lock FILE WHAT [TELL]: one holder at a time, until this shell exits; who
# has to wait calls TELL from time to time.
take_lock() {
	mkdir -p "$(dirname "$1")"
	exec 9>"$1"
	flock -n 9 && return
	say "waiting for another $2 to finish"
	until flock -w 20 9; do ${3:-:}; done
}

# first_error LOG [PATTERN]: why a tool failed, for the one-line message.
first_error() {
	grep -m1 -E "${2:-^E:|[Ee]rror}" "$1" || tail -n 1 "$1"
}

# clock START [END]: minutes and seconds since START (values of SECONDS).
clock() {
	local spent=$((${2:-$SECONDS} - $1))
	printf "%d:%02d" $((spent / 60)) $((spent % 60))
}

srcarch() {
	case $1 in
	x86_64) say x86 ;;
	riscv64) say riscv ;;
	*) say "$1" ;;
	esac
}

cross_prefix() {
	case $1 in
	arm64) say aarch64-linux-gnu- ;;
	x86_64) say x86_64-linux-gnu- ;;
	riscv64) say riscv64-linux-gnu- ;;
	arm) say arm-linux-gnueabihf- ;;
	esac
}

# What Debian calls the guest's architecture. Debian 12 has no riscv64, and so
# no busybox for it: that guest has a program of its own (harness/kunit/leaks.c).
debian_arch() {
	case $1 in
	arm64) say arm64 ;;
	x86_64) say amd64 ;;
	arm) say armhf ;;
	esac
}

# run_kernel ARCH: the kernel that `make run` boots: the one of the KUnit suites
# (which kunit.enable=0 keeps from running), so that real drivers, too, are
# watched by lockdep; but one of its own on arm64, where KASAN takes its time.
run_kernel() {
	case $1 in
	arm64) say "run-$1" ;;
	*) say "kunit-$1" ;;
	esac
}

# tree_kernel PAGES: ours that is booted with the device trees of boards, with pages
# of so many KiB: with 4 the one that other checks boot as well.
tree_kernel() { case $1 in 4) run_kernel arm64 ;; *) say "trees${1}k-arm64" ;; esac; }

# kernel_image ARCH: what make builds and QEMU boots.
kernel_image() {
	case $1 in
	arm64|riscv64) say Image ;;
	x86_64) say bzImage ;;
	arm) say zImage ;;
	esac
}

# compiler_cache: "ccache" in front of compilers if there is one in use already, else
# nothing. Filling an empty cache takes a third more time than compiling does. It
# is decided once for what is below build/: a change of it compiles all anew.
compiler_cache() {
	local dir
	if [ ! -f "$build/compiler-cache" ]; then
		dir=${CCACHE_DIR:-$(ccache --get-config cache_dir 2>/dev/null || true)}
		mkdir -p "$build"
		if [ -d "$dir" ] && [ -n "$(ls -A "$dir")" ]; then say ccache; fi > "$build/compiler-cache.$$"
		mv "$build/compiler-cache.$$" "$build/compiler-cache"
	fi
	cat "$build/compiler-cache"
}

# kernel_make ARCH OUT ARGUMENT...: make in the overlaid tree. KMAKE is the make
# to use (a lock or a nice can stand before it), JOBS how many at a time. User,
# host and time of the build are fixed, so that nothing is rebuilt for them; and
# ccache is told that where a clone lies makes no difference.
kernel_make() {
	local arch=$1 dir=$2 cross cache
	shift 2
	cross=$(cross_prefix "$arch")
	cache=$(compiler_cache)
	export CCACHE_BASEDIR=$build CCACHE_NOHASHDIR=1 \
		CCACHE_IGNOREOPTIONS='-fmacro-prefix-map=*'
	export KBUILD_BUILD_TIMESTAMP='2024-11-17 00:00:00' \
		KBUILD_BUILD_USER=dma KBUILD_BUILD_HOST=harness
	# shellcheck disable=SC2086
	${KMAKE:-make} -C "$tree" -j"${JOBS:-$(nproc)}" O="$dir" \
		ARCH="$(srcarch "$arch")" CROSS_COMPILE="$cross" \
		CC="${cache:+$cache }${cross}gcc" HOSTCC="${cache:+$cache }gcc" "$@"
}
