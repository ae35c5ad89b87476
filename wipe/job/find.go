package job

import (
	"context"
	"sync"
	"time"

	"handback.example/inspect/drive"
)

// Finder looks for a drive among all that are there now, by what each of them
// answers. paths lists them. A drive that does not answer in time is passed over and
// not asked again while that question is open: one that hangs holds up no other.
func Finder(o drive.Opener, paths func() []string) func(drive.Identity) string {
	f := &finder{opener: o, asking: map[string]bool{}}
	return func(id drive.Identity) string { return f.find(id, paths()) }
}

// askFor is how long one drive may take to say who it is.
const askFor = 5 * time.Second

type finder struct {
	opener drive.Opener
	mu     sync.Mutex
	asking map[string]bool // paths that have not answered yet
}

func (f *finder) find(id drive.Identity, paths []string) string {
	found := make(chan string, len(paths))
	asked := 0
	for _, p := range paths {
		if f.begin(p) {
			asked++
			go func() {
				defer f.end(p)
				found <- f.ask(p, id)
			}()
		}
	}
	late := time.NewTimer(askFor)
	defer late.Stop()
	for range asked {
		select {
		case p := <-found:
			if p != "" {
				return p
			}
		case <-late.C:
			return ""
		}
	}
	return ""
}

// ask gives path back where it is the drive's.
func (f *finder) ask(path string, id drive.Identity) string {
	d, err := f.opener.Open(path)
	if err != nil {
		return ""
	}
	defer func() { _ = d.Close() }()
	ctx, cancel := context.WithTimeout(context.Background(), askFor)
	defer cancel()
	if is, err := d.Identify(ctx); err != nil || !is.Same(id) {
		return ""
	}
	return path
}

func (f *finder) begin(path string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.asking[path] {
		return false
	}
	f.asking[path] = true
	return true
}

func (f *finder) end(path string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.asking, path)
}
