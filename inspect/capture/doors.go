package capture

import (
	"context"
	"time"

	"handback.example/inspect"
	"handback.example/inspect/drive"
	"handback.example/inspect/drive/linux"
	"handback.example/inspect/internal/tree"
	"handback.example/inspect/mei"
	"handback.example/inspect/tpm"
)

// Doors are the ways by which everything enters that an inspection learns.
type Doors struct {
	Tree *tree.Tree
	// Opener of the drives; nil: none is opened.
	Opener drive.Opener
	// AMT and TPM ask the machine; nil: there is nobody to ask.
	AMT func(context.Context) (mei.Mode, error)
	TPM func(context.Context) inspect.TPM
	// Taken is when all this was read; zero: now.
	Taken time.Time
	// NotRecorded are questions that a capture had no answer to; nil: it is none.
	NotRecorded func() []string
}

// Live are the doors of this machine.
func Live() Doors {
	return Doors{Tree: tree.At(""), Opener: linux.Opener{}, AMT: mei.Ask, TPM: tpm.Ask}
}

// Folder below which another machine's /sys and /proc lie.
func Folder(root string) Doors { return Doors{Tree: tree.At(root)} }

// Keeper is a drive that keeps what the survey of its blocks came to.
type Keeper interface{ Keep(Contents) }

// Finder is a drive of a capture, which has no blocks to survey.
type Finder interface{ Found() (Contents, error) }

// Contents is what the survey of a drive's blocks came to. It stands in a capture in
// place of the blocks: those are somebody's data.
type Contents struct {
	Boot     bool     `json:"boot"`
	Holds    []string `json:"holds"`
	Problems []string `json:"problems,omitempty"`
}
