package technique

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"handback.example/inspect/drive"
	"handback.example/wipe"
	"handback.example/wipe/internal/meter"
)

// Together is where the namespaces of one NVMe controller meet that are erased at the
// same time, each by a worker of its own. Some commands reach all of them: such a
// command is sent once, when every one of them is in the journal and was read, and
// each of them then looks at its own blocks. One belongs to all drives of a plan.
type Together struct {
	mu      sync.Mutex
	known   map[string]bool // members that are being worked at
	rounds  map[string]*round
	changed chan struct{} // closed and made anew when something has happened
}

// round of some members at one place of one technique.
type round struct {
	here, passed map[uint32]bool
	commands     []wipe.CommandTrace // of the member that sent
	err          error               // why it did not
}

// ErrAlone: another namespace of the controller has not come along.
var ErrAlone = errors.New("another namespace of the drive does not come along")

// NewTogether knows the drives of a plan.
func NewTogether(drives []wipe.DrivePlan) *Together {
	g := &Together{known: map[string]bool{}, rounds: map[string]*round{}, changed: make(chan struct{})}
	for _, d := range drives {
		g.known[member(d.Identity, d.Identity.Namespace)] = true
	}
	return g
}

// Leave: the work on this drive has ended, however. Nobody waits for it any more.
func (g *Together) Leave(id drive.Identity) {
	if g == nil {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.known, member(id, id.Namespace))
	g.tell()
}

func (g *Together) tell() {
	close(g.changed)
	g.changed = make(chan struct{})
}

func member(id drive.Identity, namespace uint32) string {
	return fmt.Sprintf("%q %q %d", id.Model, id.Serial, namespace)
}

// party is one drive among those that it waits for.
type party struct {
	g       *Together
	meter   *meter.Meter
	id      drive.Identity
	members []uint32 // itself and its siblings, in order
	what    string   // the technique
}

// party of a drive and its siblings; nil where it has none.
func (d *Drive) party() (*party, error) {
	if len(d.Plan.Siblings) == 0 {
		return nil, nil
	}
	if d.Together == nil {
		return nil, fmt.Errorf("%w: nobody waits for it", ErrAlone)
	}
	all := append([]uint32{d.Plan.Identity.Namespace}, d.Plan.Siblings...)
	slices.Sort(all)
	return &party{d.Together, d.Meter, d.Plan.Identity, slices.Compact(all), string(d.Step.Technique)}, nil
}

// round by its name. The caller holds mu.
func (p *party) round(where string) *round {
	key := strings.Join([]string{p.id.Model, p.id.Serial, p.what, fmt.Sprint(p.members), where}, "\x00")
	r := p.g.rounds[key]
	if r == nil {
		r = &round{here: map[uint32]bool{}, passed: map[uint32]bool{}}
		p.g.rounds[key] = r
	}
	return r
}

// meet waits until all members have come to a place. One that has ended before will
// not come: then nobody goes on.
func (p *party) meet(ctx context.Context, where string) error {
	if p == nil {
		return nil
	}
	p.g.mu.Lock()
	r := p.round(where)
	r.here[p.id.Namespace] = true
	p.g.tell()
	p.g.mu.Unlock()
	return p.await(ctx, func() (bool, error) {
		if r.err != nil {
			return true, r.err
		}
		for _, n := range p.members {
			if !r.here[n] {
				if !p.g.known[member(p.id, n)] {
					// For all: one must not go on while another does not.
					r.err = fmt.Errorf("%w: the work on namespace %d has ended", ErrAlone, n)
				}
				return r.err != nil, r.err
			}
		}
		return true, nil
	})
}

// once has the first of the members send what goes for all of them; the others get
// what became of it.
func (p *party) once(ctx context.Context, send func() ([]wipe.CommandTrace, error)) ([]wipe.CommandTrace, error) {
	if p == nil {
		return send()
	}
	if p.id.Namespace == p.members[0] {
		commands, err := send()
		p.pass(commands, err)
		return commands, err
	}
	first := p.members[0]
	r, err := p.after(ctx, first)
	switch {
	case err != nil:
		return nil, err
	case !r.passed[first]:
		return nil, fmt.Errorf("%w: the work on namespace %d ended while it sent the command for all", ErrUnanswered, first)
	case r.err != nil:
		return r.commands, fmt.Errorf("by namespace %d for all: %w", first, r.err)
	}
	return r.commands, nil
}

// turn has one member after the other send what is its own, and waits for the last:
// what one sends may reach the others, and disturb their read-back.
func (p *party) turn(ctx context.Context, send func() ([]wipe.CommandTrace, error)) ([]wipe.CommandTrace, error) {
	if p == nil {
		return send()
	}
	for _, n := range p.members {
		if n == p.id.Namespace {
			break
		}
		if _, err := p.after(ctx, n); err != nil {
			return nil, err
		}
	}
	commands, err := send()
	p.pass(nil, nil)
	if err != nil {
		return commands, err
	}
	for _, n := range p.members {
		if _, err := p.after(ctx, n); err != nil {
			return commands, err
		}
	}
	return commands, nil
}

const sending = "sending"

func (p *party) pass(commands []wipe.CommandTrace, err error) {
	p.g.mu.Lock()
	defer p.g.mu.Unlock()
	r := p.round(sending)
	r.passed[p.id.Namespace], r.commands, r.err = true, commands, err
	p.g.tell()
}

// after waits until a member has passed, or will not.
func (p *party) after(ctx context.Context, n uint32) (round, error) {
	var out round
	return out, p.await(ctx, func() (bool, error) {
		r := p.round(sending)
		out = round{passed: map[uint32]bool{n: r.passed[n]}, commands: r.commands, err: r.err}
		return r.passed[n] || !p.g.known[member(p.id, n)], nil
	})
}

// waitBeat: who waits for another is not silent.
const waitBeat = time.Second

func (p *party) await(ctx context.Context, over func() (bool, error)) error {
	tick := time.NewTicker(waitBeat)
	defer tick.Stop()
	for {
		p.g.mu.Lock()
		done, err := over()
		changed := p.g.changed
		p.g.mu.Unlock()
		if done {
			return err
		}
		select {
		case <-changed:
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
		p.meter.Beat()
	}
}
