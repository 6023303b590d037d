# SPDX-License-Identifier: GPL-2.0-only
#
# The commands of this repository; `make help` lists them. All work is done by
# the scripts in harness/, which are told what to do by the variables below.

ARCH	?= arm64
BOARD	?=
MODE	?=

# Read by the scripts where they need them.
export LINUX FORCE BUILD JOBS KMAKE ONLY SUITES TREES TWICE

.PHONY: help run check check-pages check-zoo check-build check-kcsan bench series check-series
.PHONY: shell kernel kunit menuconfig clean

help:
	@echo 'make run        build the kernel, boot it under QEMU, show every kind of'
	@echo '                DMA request and real drivers at work; ends with PASS or FAIL'
	@echo 'make check      all tests; ends with "N passed, N failed"'
	@echo 'make check-pages'
	@echo '                the device trees of boards, with pages of 16 and 64 KiB'
	@echo 'make check-zoo  boot every device of QEMU that is a bus master and has a'
	@echo '                driver in an arm64 kernel with KASAN and lockdep'
	@echo 'make check-build'
	@echo '                compile for architectures that nothing boots on'
	@echo 'make check-kcsan'
	@echo '                the KUnit suites in a kernel that finds data races'
	@echo 'make bench      count the instructions of stock 6.12 and of ours, side by side'
	@echo '                (TWICE=1: measure twice, and compare)'
	@echo 'make kernel     only build the kernel (build/out/run-ARCH/)'
	@echo 'make shell      boot it to a prompt'
	@echo 'make kunit      only the KUnit suites, on ARCH (SUITES=GLOB: only these)'
	@echo 'make series     the layer as patches, for git am (build/series/)'
	@echo 'make check-series'
	@echo '                build a small arm64 kernel after each of them'
	@echo 'make menuconfig configure the kernel that make kernel builds'
	@echo 'make clean      remove build/'
	@echo
	@echo 'Variables:'
	@echo '  ARCH=arm64|x86_64|riscv64|arm'
	@echo '                         the architecture (default arm64)'
	@echo '  BOARD=virt|virt-virtio-iommu|versal-virt|zoo'
	@echo '                         the machine of QEMU for arm64; q35, zoo-q35 for x86_64,'
	@echo '                         zynq-a9 for arm, none for riscv64. A zoo has every'
	@echo '                         device that is a bus master and has a driver'
	@echo '  MODE=strict|lazy|passthrough|forcedac|shadow|bounce|nobounce|restricted|undebugged'
	@echo '                         make run, shell: boot with the IOMMU in this mode, and'
	@echo '                         test only the real drivers in it (default: everything)'
	@echo '  LINUX=DIR              a pristine 6.12 tree to use in place of linux-source-6.12'
	@echo '  FORCE=1                take it although files that ours replace are not those'
	@echo '                         of a version we know: their changes are lost'
	@echo '  BUILD=DIR              where to build (default build/)'
	@echo '  JOBS=N                 how many compilers at a time (default: one per CPU)'
	@echo '  ONLY="NAME..."         make check: only these checks (harness/check --list)'
	@echo '  TREES="NAME..."        make check, check-pages: of the device trees only these'

run shell kernel kunit menuconfig:
	@harness/run $@ "$(ARCH)" "$(BOARD)" "$(MODE)"

check check-pages check-zoo check-build check-kcsan bench series check-series:
	@harness/run $@ arm64

clean:
	@harness/clean
