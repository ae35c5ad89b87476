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
)

// survey of one machine while it is taken.
type survey struct {
	ctx     context.Context
	root    string
	tree    *tree.Tree
	r       *inspect.Report
	entry   entry
	table   []structure // empty: the SMBIOS table could not be read
	chassis string      // enclosure type as the kernel gives it, where there is no table
}

// Read fills in everything of r that is about the machine, and adds to r.Missing
// what could not be read. An empty root is the machine itself.
func Read(ctx context.Context, root string, r *inspect.Report) {
	s := &survey{ctx: ctx, root: root, r: r}
	// Empty, not null, in JSON: nothing was seen.
	r.Memory.Modules, r.Battery, r.Displays = []inspect.MemoryModule{}, []inspect.Battery{}, []inspect.Display{}
	r.GPU, r.Network, r.Ports, r.Slots, r.Residue = []string{}, []inspect.NIC{}, []inspect.Port{}, []inspect.Slot{}, []inspect.Residue{}
	var err error
	if s.tree, err = tree.Open(root); err != nil {
		s.missing("the machine", because(err))
		return
	}
	defer s.tree.Close()
	s.firmwareTable()
	s.power() // before machine: a battery tells what kind it can't be
	s.machine()
	s.powerOfKind()
	s.cpu()
	s.memory()
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
	root := s.root
	if root == "" {
		root = "/"
	}
	return part(ghw.WithChroot(root), ghw.WithDisableTools(), ghw.WithDisableWarnings(), ghw.WithDisableTopology())
}
