package function

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
)

// Job for a process of its own: exactly one of these.
type Job struct {
	Memory    *MemoryTest    `json:"memory,omitempty"`
	Processor *ProcessorTest `json:"processor,omitempty"`
}

// News of a job, one JSON object a line; the last has the Outcome.
type News struct {
	Done    float64  `json:"done"` // 0 to 1
	Outcome *Outcome `json:"outcome,omitempty"`
}

// Work does one job, and writes its News. It is for a process of its own: memory and
// processor at their limits must not take anything from who erases drives, and what
// faulty memory does to a program must hit no other.
func Work(ctx context.Context, job string, out io.Writer) error {
	var j Job
	if err := json.Unmarshal([]byte(job), &j); err != nil {
		return fmt.Errorf("a job that can't be read: %w", err)
	}
	// The kernel takes this process first where memory runs short (proc(5)).
	if err := os.WriteFile("/proc/self/oom_score_adj", []byte("1000"), 0); err != nil {
		return err
	}
	send := json.NewEncoder(out)
	tell := func(done float64) { _ = send.Encode(News{Done: done}) } // who reads has gone: so does this process
	var o Outcome
	switch {
	case j.Memory != nil && j.Processor == nil:
		o = Memory(ctx, *j.Memory, tell)
	case j.Processor != nil && j.Memory == nil:
		o = Processor(ctx, *j.Processor, tell)
	default:
		return errors.New("a job that is not one test")
	}
	return send.Encode(News{Done: 1, Outcome: &o})
}
