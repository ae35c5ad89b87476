// Package pid1 is the appliance's first process: it mounts what the kernel
// offers, loads modules for the hardware that is there, starts the engine (root)
// and a screen on tty1 and on ttyS1 (unprivileged, in an empty root), starts
// again what dies, keeps the log on ttyS0, and switches off when the engine says
// so.
//
// It offers no shell, no login and no other console; Ctrl-Alt-Del and SysRq do
// nothing. It never mounts a disk of the machine and knows nothing of drives,
// erasure or records. It never ends: the kernel would panic.
//
// Interfaces: Linux 6.1, Documentation/admin-guide and the man pages named in the
// code.
package pid1
