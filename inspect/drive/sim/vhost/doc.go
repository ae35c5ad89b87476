// Package vhost is the door from a virtual machine to SCSI models: a back end of
// vhost-user-scsi (QEMU's docs/interop/vhost-user, virtio 1.2 clause 5.6). Several
// models sit behind one socket, target number by their order, each as logical unit
// 0; the kernel of the guest drives them as real drives, with any CDB through its
// /dev/sg nodes.
//
// What the door never does: time a command out. A model that hangs leaves its
// command unanswered, as a drive does, and its neighbours go on. What a client
// sends is checked before it is used: one that sends rubbish loses its connection
// (Server.Log says why), and the next one is served.
//
// The guest sees a drive's removal so: its commands under way end as 'bad target'
// (which the kernel takes as an error at once, without retries), and an event of
// the hot-plug feature tells it to forget the drive; putting it back is an event to
// scan again. When a drive only loses its power for a moment, commands under way
// end as 'transport failure', which the kernel tries again where it may.
//
// Not modelled: multiple logical units of a target, task attributes and their
// order, protection information, migration of the virtual machine. A machine that
// is paused forgets the commands that are under way.
package vhost
