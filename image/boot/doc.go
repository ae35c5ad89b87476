// Package boot writes what a machine boots from: the stick's image with its
// partition table, the EFI system partition and the boot loader's configuration.
//
// Shim, GRUB and kernel are Debian's, signed: Secure Boot covers them, and does not
// cover the configuration and the initramfs. The same files give the same bytes.
// No data partition is written: the first boot makes it.
//
// Standards: UEFI Specification 2.10, clauses 3.5.1.1 (removable media), 5 (GPT) and
// 13.3 (file system); Microsoft FAT specification 1.03.
package boot
