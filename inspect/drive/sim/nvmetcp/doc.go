// Package nvmetcp is the door by which a real kernel reaches a model of an NVMe
// drive: an NVMe/TCP target with one subsystem in it, for Linux's nvme-tcp driver
// and nvme-cli.
//
// The door owns what the transport owns: capsules and PDUs, queues, the
// controller's properties, Connect, Keep Alive, Number of Queues, held
// Asynchronous Event Requests, the discovery subsystem, and those fields of
// Identify Controller that say how the controller is reached. Every other command
// goes to the model as it came and is answered as the model says. Digests,
// authentication, TLS and referrals are not offered.
//
// A drive that was unplugged drops its connections and takes none until it is
// back. A drive that loses its power while a command runs drops them as well; the
// door hears of no other power cycle. A client that sends rubbish loses its own
// connection, with the reason in a termination PDU, and disturbs nobody.
//
// Standards: NVM Express TCP Transport Specification 1.0 (TCP), NVM Express Base
// Specification 2.0 (Base).
package nvmetcp
