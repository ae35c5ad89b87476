// Package wire is what a test and the agent in its guest say to each other: the
// arguments and replies of net/rpc calls, and errors that keep their kind on the
// way.
package wire

import (
	"time"

	"handback.example/inspect/drive"
)

// Names that both ends know.
const (
	Service = "Agent"
	// Channel is the virtio-serial port that carries the calls.
	Channel = "org.handback.guest"
	// Load lists the modules that the agent loads before it says that it is ready.
	Load = "/lib/handback/load"
	// PATH of what is executed in the guest.
	PATH = "/usr/bin"
)

// PieceMax is the most that one call reads or writes; longer ones are cut.
const PieceMax = 16 << 20

// None is an argument or a reply that says nothing.
type None struct{}

// Exec asks for a program to be run.
type Exec struct {
	Args    []string
	Stdin   []byte
	Timeout time.Duration
}

// Executed is what became of it.
type Executed struct {
	Stdout, Stderr []byte
	Code           int // 128 and the signal where one ended it; -1: not known
	TimedOut       bool
	Error          *Error // it was not started
}

// File is one to be read or written.
type File struct {
	Path string
	Data []byte
}

// Data is a reply of bytes.
type Data struct {
	Data  []byte
	Error *Error
}

// Names is a reply of names.
type Names struct {
	Names []string
	Error *Error
}

// Status is a reply that tells only whether it went well.
type Status struct{ Error *Error }

// Module is one to be loaded, with its parameters.
type Module struct{ Name, Params string }

// Disk is a block device of the guest, as sysfs has it.
type Disk struct {
	Path, Sys, Model, Serial string
	Size                     int64
}

// Disks is a reply.
type Disks struct {
	Disks []Disk
	Error *Error
}

// Open asks for a drive to be opened.
type Open struct {
	Path   string
	Target bool
}

// Opened is a drive that is open in the guest.
type Opened struct {
	Handle     uint64
	Provenance drive.Provenance
	Geometry   drive.Geometry
	Error      *Error
}

// Call names a call on an open drive, so that it can be given up.
type Call struct {
	Handle uint64
	ID     uint64
}

// Do is one command for a drive.
type Do struct {
	Call
	Command drive.Command // its Data only where it goes to the drive
	Len     int           // of Data
}

// Done is what the drive answered, or what went wrong.
type Done struct {
	Completion drive.Completion
	Data       []byte // where it came from the drive
	Error      *Error
}

// Blocks are to be read or written.
type Blocks struct {
	Handle uint64
	Off    int64
	Len    int
	Data   []byte
}

// Moved is how many bytes were.
type Moved struct {
	N     int
	Data  []byte
	Error *Error
}

// Identified is a reply.
type Identified struct {
	Identity drive.Identity
	Error    *Error
}

// Geometry is a reply.
type Geometry struct {
	Geometry drive.Geometry
	Error    *Error
}
