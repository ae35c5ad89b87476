package sweep

import (
	"slices"
	"sort"
	"sync"

	"handback.example/wipe"
)

// maxRanges that are listed: more tell nobody more, and must fit a record. The
// count goes on.
const maxRanges = 1000

// Bad collects blocks that could not be written or read. Neighbours with the
// same reason become one range. Its zero value is empty.
type Bad struct {
	mu     sync.Mutex
	ranges []wipe.Range
	blocks int64
}

// Add count blocks from first. Blocks that are listed already are not counted again.
func (b *Bad) Add(first, count int64, what string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	i := sort.Search(len(b.ranges), func(i int) bool { return b.ranges[i].First+b.ranges[i].Count > first })
	if i < len(b.ranges) && b.ranges[i].First <= first && first+count <= b.ranges[i].First+b.ranges[i].Count {
		return
	}
	b.blocks += count
	if i > 0 && b.ranges[i-1].First+b.ranges[i-1].Count == first && b.ranges[i-1].What == what {
		b.ranges[i-1].Count += count
		b.join(i)
		return
	}
	if i < len(b.ranges) && first+count == b.ranges[i].First && b.ranges[i].What == what {
		b.ranges[i].First, b.ranges[i].Count = first, b.ranges[i].Count+count
		return
	}
	if len(b.ranges) < maxRanges {
		b.ranges = slices.Insert(b.ranges, i, wipe.Range{First: first, Count: count, What: what})
	}
}

// join closes the gap that was just filled between range i-1 and range i.
func (b *Bad) join(i int) {
	if i < len(b.ranges) && b.ranges[i-1].First+b.ranges[i-1].Count == b.ranges[i].First && b.ranges[i-1].What == b.ranges[i].What {
		b.ranges[i-1].Count += b.ranges[i].Count
		b.ranges = slices.Delete(b.ranges, i, i+1)
	}
}

// Ranges as far as they are listed, ascending.
func (b *Bad) Ranges() []wipe.Range {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.ranges)
}

// Blocks is the number of all bad blocks, listed or not.
func (b *Bad) Blocks() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.blocks
}
