# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034,SC2054,SC2154
#
# Sourced by the boards zoo and zoo-q35: every device of QEMU's that is a bus
# master, sits on PCI and has a driver in the tree, on one machine. So one boot
# shows all these drivers at work, side by side. Each has a place of its own, so
# that a failure can be told by the device's name, also where several of them have
# the same driver. harness/configs/zoo.config has the drivers.
#
# A place is where the device is found below the PCI host, as SLOT.FUNCTION, with
# those of the bridges before it: 04.0, 1e.0-00.0. Some PCIe devices sit behind root
# ports that are functions of one device, and so are in one group. No conventional
# bridge: who sits behind it shares its stream ID, which the SMMUv3's driver has for
# one device only.
#
# mptsas1068 shows its driver no disk but one with a name of its own (wwn).
#
# Left out where the IOMMU translates: lsi53c895a, whose model fetches its
# program from its own registers, and asks the IOMMU for them in vain. There the
# i82559 send little: their model takes what follows a command's one descriptor for a
# second one. Once the ring has gone round (128 commands), these are bytes of an old
# configure command, and the model reads at 0x86fa4000.
#
# The drivers of guest_mistaken do not call dma_mapping_error() for some buffers;
# virtio_scsi leaves its event buffers mapped when it is unbound.

disks=()
device_args=(-audiodev none,id=sound
	-device "pcie-root-port,id=port0,bus=pcie.0,chassis=1,addr=1e.0,multifunction=on"
	-device "pcie-root-port,id=port1,bus=pcie.0,chassis=2,addr=1e.1"
	-device "pcie-root-port,id=port2,bus=pcie.0,chassis=3,addr=1e.2"
	-device "pcie-root-port,id=port3,bus=pcie.0,chassis=4,addr=1e.3")
guest_disks='' guest_nets='' guest_sounds='' guest_others=''
last_slot=0 last_net=1
virtio=iommu_platform=on,disable-legacy=on

# Where the next device goes: sets place, and at, which says it to QEMU.
next_slot() {
	last_slot=$((last_slot + 1))
	place=$(printf '%02x.0' $last_slot)
	at="bus=pcie.0,addr=$place"
}
behind_port() {
	place=1e.$1-00.0
	at="bus=port$1,addr=0"
}

# disk NAME DRIVER CONTROLLER [DEVICE]: the disk is the controller itself, or a
# device on its bus; %n stands for the name. It goes to $at.
disk() {
	disks+=("$1")
	guest_disks+=" $1:pci/$2@$place"
	device_args+=(-drive "if=none,id=disk-$1,format=raw,cache=unsafe,file=$run/$1.img"
		-device "${3//%n/$1},$at")
	[ -z "${4:-}" ] || device_args+=(-device "${4//%n/$1},drive=disk-$1")
}

# net NAME DRIVER DEVICE: a card, in a network of its own.
net() {
	last_net=$((last_net + 1))
	guest_nets+=" $1:pci/$2@$place"
	device_args+=(-netdev "user,id=net-$1,net=10.0.$last_net.0/24,tftp=$run/tftp,guestfwd=tcp:10.0.$last_net.100:7-cmd:cat"
		-device "$3,netdev=net-$1,romfile=,$at")
}

# sound NAME DRIVER DEVICE
sound() {
	guest_sounds+=" $1:pci/$2@$place"
	device_args+=(-device "$3,$at")
}

# other KIND DEVICE: tested by the guest's function test_KIND.
other() {
	guest_others+=" $1:pci/virtio-pci@$place"
	device_args+=(-device "$2,$at")
}

behind_port 0; disk nvme nvme nvme,serial=%n,drive=disk-%n
next_slot; disk ahci ahci ich9-ahci,id=%n ide-hd,bus=%n.0
next_slot; disk vblk virtio-pci "virtio-blk-pci,drive=disk-%n,$virtio"
next_slot; disk vscsi virtio-pci "virtio-scsi-pci,id=%n,$virtio" scsi-hd,bus=%n.0
next_slot; disk megasas megaraid_sas megasas,id=%n scsi-hd,bus=%n.0
next_slot; disk megasas2 megaraid_sas megasas-gen2,id=%n scsi-hd,bus=%n.0
next_slot; disk mptsas mptsas mptsas1068,id=%n scsi-hd,bus=%n.0,wwn=0x5000000000000001
next_slot; disk am53 am53c974 am53c974,id=%n scsi-hd,bus=%n.0
next_slot; disk sd sdhci-pci sdhci-pci,id=%n sd-card,bus=sd-bus
next_slot; disk xhci xhci_hcd qemu-xhci,id=%n usb-storage,bus=%n.0
behind_port 1; disk nec xhci_hcd nec-usb-xhci,id=%n usb-storage,bus=%n.0
next_slot; disk ehci ehci-pci usb-ehci,id=%n usb-storage,bus=%n.0
next_slot; disk ohci ohci-pci pci-ohci,id=%n usb-storage,bus=%n.0
next_slot; disk uhci uhci_hcd piix3-usb-uhci,id=%n usb-storage,bus=%n.0
next_slot; [ "$mode_route" != direct ] || disk lsi sym53c8xx lsi53c895a,id=%n scsi-hd,bus=%n.0

behind_port 2; net e1000e e1000e e1000e
behind_port 3; net vmxnet3 vmxnet3 vmxnet3
next_slot; net e1000 e1000 e1000
next_slot; net rtl8139 8139cp rtl8139
next_slot; net pcnet pcnet32 pcnet
next_slot; net tulip tulip tulip
next_slot; net vnet virtio-pci "virtio-net-pci,$virtio"
next_slot; net i82559a e100 i82559a
next_slot; net i82559b e100 i82559b
next_slot; net i82559c e100 i82559c
next_slot; net i82559er e100 i82559er

next_slot; sound ac97 snd_intel8x0 AC97,audiodev=sound
next_slot; sound es1370 snd_ens1370 ES1370,audiodev=sound
next_slot; sound hda snd_hda_intel intel-hda,id=hda
device_args+=(-device hda-duplex,bus=hda.0,audiodev=sound)

# The balloon is told page numbers and no DMA addresses, so it refuses
# iommu_platform. The generator reads a file of one letter.
next_slot; other rng "virtio-rng-pci,rng=letters,$virtio"
device_args+=(-object "rng-random,id=letters,filename=$run/letters")
next_slot; other gpu "virtio-gpu-pci,xres=640,yres=480,$virtio"
next_slot; other balloon virtio-balloon-pci

next_slot
device_args+=(-device "edu,$at")

guest_disks=${guest_disks# }
guest_unit=256
guest_slow="ohci uhci"
[ "$mode_route" = direct ] || guest_slow+=" i82559a i82559b i82559c i82559er"
guest_mistaken=am53c974,tulip
guest_clinging=vscsi
# Behind an IOMMU, QEMU's AHCI does not come to the end of a request of 8 MiB.
guest_modest=ahci
# QEMU's megasas maps 2 KiB at a command's address, where the driver has 1 KiB. Behind an
# IOMMU that fails for the last command of a page, which then is "busy", with stock, too.
# The driver tries again with what it gave back last: alone, it may have two such
# commands in turn for ever. Others at the same time mix them.
guest_alone='megasas megasas2'
# A group of several devices can't be taken to the other route one by one.
guest_routes=iommu
guest_engine=
guest_bench=0x1234:0x11e8
payload_kib=256
boot_seconds=800
