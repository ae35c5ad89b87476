// Package usbredir is the door by which a real kernel reaches a model of a USB
// bridge: the usb-host side of the USB network redirection protocol 0.7, as QEMU's
// usb-redir device takes it:
//
//	-device qemu-xhci -chardev socket,id=u,path=SOCKET -device usb-redir,chardev=u
//
// Serve listens; QEMU connects. The guest then has a USB disk behind its own
// usb-storage driver, with real time-outs, resets and unplugging: a command that the
// model never answers stays pending until the guest gives it up.
//
// A machine that restarts keeps its connection and resets the bus: the drive keeps
// its power. A new connection is a bus reset too, unless Options say that it is
// another start of the machine.
//
// Types and layouts are those of usbredirproto.h and of the protocol's description,
// both of version 0.7. Isochronous and interrupt endpoints, streams, filters and
// buffered input are not offered, and a client that asks for them, or sends what is
// no packet, loses its connection; the bridge stays. The peer is trusted with the
// drive and with nothing else: what it sends is bounded before it is read.
package usbredir
