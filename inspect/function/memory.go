package function

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"handback.example/inspect/internal/tree"
)

// MemoryTest bounds the pattern test of memory.
type MemoryTest struct {
	// Fitted bytes of memory in the machine; 0: not known. It is only said.
	Fitted int64 `json:"fitted"`
	// Bytes that are tested at most, whatever is free.
	Bytes int64 `json:"bytes"`
	// Time after which no further slab is begun.
	Time time.Duration `json:"time_ns"`
}

// slabBytes are tested with every pattern before the next are taken. It is many times
// what processors of laptops and desktops cache, so that what is read comes from the
// chips.
const slabBytes = 256 << 20

// spareBytes stay free beside the slabs: the erasure's buffers and records that wait
// for a stick need them.
const spareBytes = 256 << 20

// slabs gives the next piece of memory; nil: there is no more to be had, and why.
type slabs func() (next cells, why string)

// Memory writes patterns to memory that nobody uses, and reads them back. It takes up
// to half of what is free, in slabs that are all held until the test is over, so that
// each is another part of the chips. The kernel's own memory and what programs use is
// never tested.
func Memory(ctx context.Context, t MemoryTest, tell func(done float64)) Outcome {
	h := &holder{limit: t.Bytes}
	defer h.release()
	return testMemory(ctx, t, h.next, tell)
}

func testMemory(ctx context.Context, t MemoryTest, next slabs, tell func(float64)) Outcome {
	began, tested := time.Now(), int64(0)
	of := ""
	if t.Fitted > 0 {
		of = " of " + gigabytes(t.Fitted)
	}
	for first := true; first || time.Since(began) < t.Time; first = false {
		slab, why := next()
		if slab == nil && tested == 0 {
			return Outcome{NotTested, why}
		}
		if slab == nil {
			break
		}
		f, err := marchAll(ctx, slab, func(done float64) {
			tell(max(float64(time.Since(began))/float64(t.Time), (float64(tested)+done*float64(slab.Len()))/float64(max(t.Bytes, 1))))
		})
		switch {
		case errors.Is(err, errPoisoned):
			return Outcome{Fail, "the processor reported memory that can't be read while " + gigabytes(int64(slab.Len())) + of + " were tested"}
		case err != nil:
			return Outcome{NotTested, "the test was stopped; before that " + gigabytes(tested) + of + " were tested without an error"}
		case f != nil:
			return Outcome{Fail, f.words(slab) + "; " + gigabytes(tested+int64(slab.Len())) + of + " were tested"}
		}
		tested += int64(slab.Len())
	}
	return Outcome{Pass, fmt.Sprintf("%s%s written and read back in %d patterns and their inverses: no error", gigabytes(tested), of, len(patterns(0)))}
}

// errPoisoned: the kernel took a page away that had an error which can't be corrected
// (SIGBUS, BUS_MCEERR_AR).
var errPoisoned = errors.New("memory error")

// marchAll patterns through one slab. The first fault ends it.
func marchAll(ctx context.Context, m cells, tell func(done float64)) (f *fault, err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		switch p := recover().(type) {
		case nil:
		case interface{ Addr() uintptr }: // runtime/debug, SetPanicOnFault
			f, err = nil, errPoisoned
		default:
			panic(p)
		}
	}()
	all := patterns(uint64(time.Now().UnixNano()))
	done, whole := 0, len(all)*marchSteps*m.Len()
	for _, p := range all {
		s := march{m: m, p: p, step: func(n int) {
			if done += n; done%(64<<20) == 0 {
				tell(float64(done) / float64(whole))
			}
		}}
		if f, err := s.run(ctx); f != nil || err != nil {
			return f, err
		}
	}
	return nil, nil
}

func (f *fault) words(m cells) string {
	where := "at an address that the kernel does not tell"
	if a, ok := m.Address(f.at); ok {
		where = fmt.Sprintf("at physical address 0x%x", a)
	}
	return fmt.Sprintf("%s 0x%016x was written and 0x%016x read (%s)", where, f.wrote, f.read, f.pattern)
}

// gigabytes as memory is sold: of 2^30 bytes.
func gigabytes(n int64) string {
	if n < 1<<30 {
		return fmt.Sprintf("%d MB", n>>20)
	}
	return fmt.Sprintf("%.1f GB", float64(n)/(1<<30))
}

// available bytes of memory, by /proc/meminfo (proc(5)).
func available(t *tree.Tree) (int64, error) {
	text, err := t.Text("proc/meminfo")
	if err != nil {
		return 0, err
	}
	return parseAvailable(text)
}

func parseAvailable(meminfo string) (int64, error) {
	for line := range strings.Lines(meminfo) {
		rest, ok := strings.CutPrefix(line, "MemAvailable:")
		if !ok {
			continue
		}
		kb, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")), 10, 64)
		if err != nil || kb < 0 || kb > 1<<40 {
			return 0, errors.New("the kernel's count of free memory can't be read")
		}
		return kb << 10, nil
	}
	return 0, errors.New("the kernel does not count free memory")
}
