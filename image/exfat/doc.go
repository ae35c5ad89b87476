// Package exfat makes and reads the file system of the stick's data partition:
// exFAT, because every office computer reads it and because what was written to
// it by temporary file, fsync and rename survives a power cut.
//
// Format makes an empty volume. Open reads one, as an fs.FS: names are matched
// exactly, not by the up-case table. The reader takes every number on the volume
// for hostile: what is out of bounds, loops or has a wrong checksum is an error,
// never a panic and never a guess.
//
// It never writes to an existing volume: the kernel does that. It mounts nothing.
//
// Standard: Microsoft, exFAT file system specification, revision 1.00. Clause
// numbers in the code are of that text.
package exfat
