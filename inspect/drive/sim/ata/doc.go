// Package ata is a model of an ATA drive: task files come in, registers and data
// go out, and what really stands on the drive is on its sim.Medium. It follows
// ACS-4 (INCITS 529) and, for what ACS-4 has dropped (Host Protected Area, Device
// Configuration Overlay), ACS-3 (INCITS 522). Package sat puts it behind CDBs.
//
// The states that decide about erasure follow the standard's state machines:
// security SEC0 to SEC6, sanitize SD0 to SD4, one non-volatile SET MAX a power-up,
// commands that must follow each other directly. A Config says what the drive has,
// what it only claims to have, and how long things take.
//
// Not modelled: what a write cache loses at a power cut, queueing (READ and WRITE
// FPDMA QUEUED are plain transfers), streaming, CFA, zones, SCT, microcode,
// physical elements, over-provisioned cells.
package ata
