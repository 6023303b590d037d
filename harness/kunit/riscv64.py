# SPDX-License-Identifier: GPL-2.0-only
#
# QEMU as kunit.py shall start it for riscv64; see arm64.py for the "--". Some of
# its memory lies beyond 4 GiB: only then has this architecture a bounce buffer.
import os
from ..qemu_config import QemuArchParams

QEMU_ARCH = QemuArchParams(linux_arch='riscv',
                           kconfig='',
                           qemu_arch='riscv64',
                           kernel_path='arch/riscv/boot/Image',
                           kernel_command_line='console=ttyS0 kmemleak=on panic=-1 '
                                               'dma_spare.base=0xb0000000 '
                                               'dma_spare.size=0x400000 --',
                           extra_qemu_params=['-machine', 'virt', '-cpu', 'rv64', '-smp', '2',
                                              '-m', '3072',
                                              '-dtb', os.environ['KUNIT_DTB'],
                                              '-initrd', os.environ['KUNIT_INITRD']])
