// Package fabric connects drives that a virtual machine reaches over its network:
// NVMe/TCP targets that its firmware's tables name. The engine asks for that in a
// demonstration under a hypervisor and nowhere else; on any other machine no
// network driver is loaded, and the bench is offline.
//
// It decides nothing about the drives: the kernel shows them, and they are
// inspected like any other. Where a drive that was named can't be reached it says
// so: a visit must not go on as if there were none.
//
// Interfaces: DMTF DSP0134 7.12 (OEM Strings), netdevice(7), and what Linux takes on
// /dev/nvme-fabrics (drivers/nvme/host/fabrics.c).
package fabric
