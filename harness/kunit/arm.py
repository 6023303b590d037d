# SPDX-License-Identifier: GPL-2.0-only
#
# QEMU as kunit.py shall start it for 32-bit arm; see arm64.py for the "--".
import os
from ..qemu_config import QemuArchParams

QEMU_ARCH = QemuArchParams(linux_arch='arm',
                           kconfig='',
                           qemu_arch='arm',
                           kernel_path='arch/arm/boot/zImage',
                           kernel_command_line='console=ttyAMA0 kmemleak=on panic=-1 '
                                               'dma_spare.base=0x70000000 '
                                               'dma_spare.size=0x400000 --',
                           extra_qemu_params=['-machine', 'virt,highmem=off', '-cpu', 'cortex-a15',
                                              '-smp', '2',
                                              '-dtb', os.environ['KUNIT_DTB'],
                                              '-initrd', os.environ['KUNIT_INITRD']])
