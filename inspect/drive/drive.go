// Package drive is the seam to a drive: what can be asked of it, what it
// answers, and who it says it is. Everything above the seam runs on real
// hardware, on loop devices and on models alike.
//
// The package itself does no input or output. Package linux talks to real
// drives; packages ata, nvme, scsi and mmc build and parse frames of commands
// that destroy nothing. Destructive frames live under wipe/internal and cannot
// be imported from here.
package drive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

// Protocol is the command set that a Command belongs to.
type Protocol uint8

// The zero Protocol belongs to no command set and every transport refuses it.
const (
	ProtocolUnknown Protocol = iota
	ProtocolSCSI             // CDB in Frame; ATA goes inside ATA PASS-THROUGH (SAT-4)
	ProtocolNVMe             // a 64-byte admin submission queue entry in Frame
	ProtocolMMC              // a sequence of MMC commands, as package mmc lays it out
)

// Direction is the way the data of a Command goes, seen from the host.
type Direction uint8

const (
	DirectionNone Direction = iota
	DirectionIn             // device to host
	DirectionOut            // host to device
)

// Command is one rendered frame. It is rendered once: the bytes that a filter
// reads are the bytes that are sent.
type Command struct {
	Protocol  Protocol
	Frame     []byte        // CDB (6 to 32 bytes), NVMe SQE (64 bytes) or MMC entries (12 bytes each)
	Direction Direction     // way of Data
	Data      []byte        // read into, or written from; may be nil
	Timeout   time.Duration // 0: the transport's default
}

// Completion is what the device answered.
type Completion struct {
	Status   uint16 // SCSI status byte, NVMe status field (SCT<<8 | SC), or which MMC command failed
	Result   uint32 // NVMe completion queue entry, dword 0; MMC: R1 (see package mmc)
	Sense    []byte // SCSI sense data as it came, fixed or descriptor format; MMC: every R1
	Residual int    // bytes of Data that were not transferred
	Duration time.Duration
}

// Transport carries commands. Do returns a nil error only when the device
// completed the command with good status. A command that the device refused or
// failed gives a *StatusError (the Completion is filled in); any other error
// means that the answer is unknown.
type Transport interface {
	Do(ctx context.Context, c Command) (Completion, error)
}

// StatusError says that the device answered, and that the answer was not 'good'.
type StatusError struct {
	Protocol  Protocol
	Operation string // for people: 'IDENTIFY DEVICE', 'Format NVM'
	Completion
}

func (e *StatusError) Error() string {
	return fmt.Sprintf("%s: device status %04x, sense % x", e.Operation, e.Status, e.Sense)
}

// ErrNoAnswer: the command was sent, and nobody knows what became of it.
var ErrNoAnswer = errors.New("the drive has not answered")

// ErrRefused is wrapped by errors of the ReadOnly filter: the command is not on
// the list of commands that are known to change nothing, and was not sent.
var ErrRefused = errors.New("not a command that is known to change nothing")

// Geometry of a medium as the kernel (or the model) presents it now.
type Geometry struct {
	Size          int64 `json:"size"`           // bytes
	LogicalBlock  int   `json:"logical_block"`  // bytes, 512 or 4096
	PhysicalBlock int   `json:"physical_block"` // bytes
}

// Blocks is the number of whole logical blocks.
func (g Geometry) Blocks() int64 {
	if g.LogicalBlock <= 0 {
		return 0
	}
	return g.Size / int64(g.LogicalBlock)
}

// Media reads the blocks of a drive past every cache (O_DIRECT): offsets,
// lengths and buffer addresses are multiples of the logical block. Buffers come
// from AlignedBuffer.
type Media interface {
	io.ReaderAt
	Geometry() Geometry
}

// Writer writes blocks past every cache. Only wipe opens it.
type Writer interface {
	io.WriterAt
	// Flush returns when the device has what was written on the medium.
	Flush(ctx context.Context) error
}

// Bus says by which way a drive hangs on the machine.
type Bus string

const (
	BusUnknown Bus = ""
	BusNVMe    Bus = "nvme"
	BusSATA    Bus = "sata"
	BusSCSI    Bus = "scsi" // SAS and other native SCSI
	BusUSB     Bus = "usb"
	BusSD      Bus = "sd"
	BusMMC     Bus = "mmc"
	BusVirtio  Bus = "virtio"
	BusFabric  Bus = "fabric" // NVMe over TCP, iSCSI: never in a production visit
	BusLoop    Bus = "loop"
	BusModel   Bus = "model" // simulated in this process
)

// MediaType of a drive, as far as it says so itself.
type MediaType string

const (
	MediaUnknown MediaType = ""
	MediaHDD     MediaType = "HDD"
	MediaSSD     MediaType = "SSD"
	MediaFlash   MediaType = "flash" // SD card, eMMC, USB stick
	MediaFile    MediaType = "file"  // loop device
)

// Identity is who a drive says it is, by its own answer (IDENTIFY, Identify
// Controller, INQUIRY and VPD), never by udev. Text is clean (see package
// inspect/drive, Clean); Raw holds the bytes as they came, in hex.
type Identity struct {
	Bus      Bus       `json:"bus"`
	Media    MediaType `json:"media"`
	Model    string    `json:"model"`
	Serial   string    `json:"serial"`
	Firmware string    `json:"firmware"`
	WWN      string    `json:"wwn"`  // 'naa.5000c500a1b2c3d4', 'eui.…', 'nguid.…', or empty
	Size     int64     `json:"size"` // bytes of the block device
	// Namespace is the NVMe namespace, 0 where there is none.
	Namespace uint32 `json:"namespace,omitempty"`
	// Inner is false where a bridge may stand between us and the drive and its
	// own identity could not be had through it.
	Inner bool `json:"inner"`
	Raw   Raw  `json:"raw"`
}

// Raw holds identity fields in hex as the device gave them.
type Raw struct {
	Model    string `json:"model,omitempty"`
	Serial   string `json:"serial,omitempty"`
	Firmware string `json:"firmware,omitempty"`
}

// Same reports whether two answers name the same drive: every field that both
// know must agree, and serial (or WWN, where there is no serial) must be known.
func (i Identity) Same(o Identity) bool {
	if i.Serial == "" && i.WWN == "" {
		return false
	}
	return i.Model == o.Model && i.Serial == o.Serial && i.WWN == o.WWN &&
		i.Size == o.Size && i.Namespace == o.Namespace
}

// Provenance tells what kind of thing stands behind a Device. It is set by the
// constructor, never by anything that the device says.
type Provenance uint8

const (
	ProvenanceUnknown Provenance = iota
	ProvenanceKernel             // a block device of the kernel
	ProvenanceLoop               // a loop device
	ProvenanceModel              // a model in this process
)

// Device is one drive, opened to read. Its Transport passes only what ReadOnly
// knows to change nothing.
type Device interface {
	Transport
	Media
	io.Closer
	// Identify asks the drive itself, anew at each call.
	Identify(ctx context.Context) (Identity, error)
	Provenance() Provenance
}

// Target is one drive, opened exclusively (O_EXCL) to be erased. Its Transport
// carries every command. Only package wipe holds one.
type Target interface {
	Device
	Writer
}

// Opener opens a drive by the path of its block device. Models and real drives
// each have one.
type Opener interface {
	Open(path string) (Device, error)
	// OpenTarget fails where the device is in use (mounted, swap, held by
	// another): what holds it stands in the error.
	OpenTarget(path string) (Target, error)
}
