# SPDX-License-Identifier: GPL-2.0-only
#
# QEMU as kunit.py shall start it for arm64: two CPUs, so that concurrent tests
# run concurrently, the device tree with the nodes of harness/dts/kunit.dtso, and
# the init of harness/kunit/init after the tests. kunit.py ends the command line
# with kunit_shutdown=reboot; behind the "--" it goes to that init, which reboots
# when it is done.
import os
from ..qemu_config import QemuArchParams

QEMU_ARCH = QemuArchParams(linux_arch='arm64',
                           kconfig='',
                           qemu_arch='aarch64',
                           kernel_path='arch/arm64/boot/Image',
                           kernel_command_line='console=ttyAMA0 kmemleak=on panic=-1 '
                                               'dma_spare.base=0x70000000 '
                                               'dma_spare.size=0x400000 --',
                           extra_qemu_params=['-machine', 'virt,gic-version=3',
                                              '-cpu', 'cortex-a72', '-smp', '2',
                                              '-dtb', os.environ['KUNIT_DTB'],
                                              '-initrd', os.environ['KUNIT_INITRD']])
