// Package stick is where the engine keeps what must not be lost: the data
// partition of the Handback stick, or outside the appliance a plain folder.
//
// A stick is known by the unique GUIDs of its GPT partitions (package settings).
// Its ESP is only ever mounted read-only, and stays byte-identical. The data
// partition is made on first boot and is never formatted again: a partition that
// is there but can't be read is reported as corrupt and left alone.
//
// The data partition is mounted only while an operation runs, so the stick may
// be pulled at any other time. What Write and Create acknowledge is on the
// medium: temporary file, fsync, rename, fsync of file and directory.
//
// The package never writes to a disk that doesn't carry the stick's GUIDs, and
// never chooses between two that do. It decides nothing about drives that are to
// be erased.
//
// Standards: UEFI Specification 2.10, clause 5 (GPT); Microsoft exFAT
// specification 1.00.
package stick
