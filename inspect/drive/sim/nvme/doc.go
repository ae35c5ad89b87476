// Package nvme models an NVM subsystem with one controller: a solid state drive as
// the NVM Express Base Specification 2.0 and the NVM Command Set Specification 1.0
// describe it. It takes the raw 64 bytes of submission queue entries and decodes
// them by itself; queues, properties and data pointers are the matter of the door in
// front of it.
//
// What it follows, by clause of Base 2.0:
//
//   - Identify (5.17) CNS 00 to 03, 05 to 08, 10 to 13; namespaces that are attached
//     and namespaces that are not.
//   - Get Log Page (5.16) with offset: 00 to 06, 15, 81. Features (5.27).
//   - Format NVM (5.14): namespace by namespace or all of them, as FNA says; SES 0
//     only forgets where the data are, and they stay on the medium.
//   - Sanitize (5.24, 8.21): the state machine with restricted and unrestricted
//     completion, passes, log 81h, the short list of commands that run meanwhile;
//     it outlives resets and power cuts. Media Verification is of Base 2.1.
//   - Namespace Management and Attachment (5.23, 5.22): what a deleted namespace held
//     stays on the media until a sanitize.
//   - Device Self-test (5.9), Security Send and Receive (5.25, 5.26) for a sim.TCG.
//   - The NVM command set's Read, Write, Flush, Compare, Verify, Write Zeroes, Write
//     Uncorrectable and Dataset Management. Deallocated blocks read as erased while
//     the medium keeps them.
//
// Not modelled: other controllers of the subsystem than by name, reservations,
// streams, firmware images, telemetry, the persistent event log, RPMB traffic,
// protection information (its type is kept, its tags are not checked), metadata in a
// buffer of its own (only at the end of each block), power states. Events are told
// when a command or Media next looks, not by a timer. Asynchronous Event Request is
// held by the door: one that reaches the model is refused.
package nvme
