// Package platform learns what a machine is, apart from its drives and its TPM:
// names, kind, processor, memory, battery, displays, graphics, network, the parts
// that hang on its buses, ports, firmware, and what a former owner left in it.
//
// It reads /sys and /proc, of this machine or of a tree of files from another one,
// asks this machine's management engine one question, and changes nothing. Text that firmware gives is cleaned here. A
// fact that could not be read, or that the firmware filled with a placeholder, is
// unknown and says why.
package platform

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/jaypipes/ghw"

	"handback.example/inspect"
	"handback.example/inspect/internal/tree"
	"handback.example/inspect/mei"
)

// Machine is what facts are read from.
type Machine struct {
	Tree *tree.Tree
	// AMT asks the management engine; nil: there is nobody to ask.
	AMT func(context.Context) (mei.Mode, error)
	// Own are the GUIDs of partitions on the medium of this system: no boot entry that
	// leads there is anybody else's.
	Own []string
}

// survey of one machine while it is taken.
type survey struct {
	Machine
	ctx     context.Context
	r       *inspect.Report
	entry   entry
	table   []structure // empty: the SMBIOS table could not be read
	whole   bool        // it was read to its end
	chassis string      // enclosure type as the kernel gives it, where there is no table
}

// Read fills in everything of r that is about the machine, and adds to r.Missing
// what could not be read. Unhandled is nil where it is not known whether there is
// memory that keeps its data.
func Read(ctx context.Context, m Machine, r *inspect.Report) {
	s := &survey{Machine: m, ctx: ctx, r: r}
	// Empty, not null, in JSON: nothing was seen.
	r.Memory.Modules, r.Battery, r.Displays = []inspect.MemoryModule{}, []inspect.Battery{}, []inspect.Display{}
	r.Supplies = []inspect.PowerSupply{}
	r.GPU, r.Network, r.Ports, r.Slots, r.Residue = []string{}, []inspect.NIC{}, []inspect.Port{}, []inspect.Slot{}, []inspect.Residue{}
	s.firmwareTable()
	s.power() // before machine: a battery tells what kind it can't be
	s.machine()
	s.powerOfKind()
	s.powerOfFirmware()
	s.cpu()
	s.memory()
	s.persistentMemory()
	s.displays()
	s.gpu()
	s.network()
	s.devices()
	s.ports()
	s.slots()
	s.switchedOff()
	s.firmware()
	s.residue()
	s.year()
}

// missing notes what could not be read, for people.
func (s *survey) missing(what, why string) {
	s.r.Missing = append(s.r.Missing, what+": "+why)
}

// because puts a failed read into words.
func because(err error) string {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "the kernel does not give it"
	case errors.Is(err, fs.ErrPermission):
		return "only root may read it"
	}
	return err.Error()
}

// ask one part of ghw about the tree. It runs no tools and prints nothing. It
// trusts the text that it reads more than we do: where that trips it, the facts
// are missing and the visit goes on.
func ask[T any](s *survey, part func(...any) (*T, error)) (info *T, err error) {
	defer func() {
		if p := recover(); p != nil {
			info, err = nil, fmt.Errorf("what the kernel gives cannot be read: %v", p)
		}
	}()
	root, err := s.Tree.Folder()
	if err != nil {
		return nil, err
	}
	return part(ghw.WithChroot(root), ghw.WithDisableTools(), ghw.WithDisableWarnings(), ghw.WithDisableTopology())
}
