# SPDX-License-Identifier: GPL-2.0-only
#
# QEMU as kunit.py shall start it for x86_64; see arm64.py for the "--". There is no
# device tree, so the spare memory is cut out by the command line.
import os
from ..qemu_config import QemuArchParams

QEMU_ARCH = QemuArchParams(linux_arch='x86_64',
                           kconfig='',
                           qemu_arch='x86_64',
                           kernel_path='arch/x86/boot/bzImage',
                           kernel_command_line='console=ttyS0 kmemleak=on panic=-1 '
                                               'memmap=4M$0x30000000 cma=32M iommu=soft '
                                               'dma_spare.base=0x30000000 '
                                               'dma_spare.size=0x400000 --',
                           extra_qemu_params=['-bios', 'qboot.rom', '-smp', '2',
                                              '-initrd', os.environ['KUNIT_INITRD']])
