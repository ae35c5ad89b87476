package survey

import (
	"context"

	"handback.example/inspect"
	"handback.example/inspect/capture"
	"handback.example/inspect/drive"
)

// Ask looks at drives that no kernel of this machine knows: models in this process,
// drives of a guest. What only the kernel tells (who uses a drive, how it hangs on
// its host) is not in the answer; all else is as Take has it, twins too.
func Ask(ctx context.Context, o drive.Opener, paths ...string) []inspect.Drive {
	s := survey{Options: Options{Doors: capture.Doors{Opener: o}}}
	all := make([]subject, len(paths))
	for i, path := range paths {
		var last latest
		d := subject{}
		d.Path, d.InUse, d.Holds, d.Problems = path, []string{}, []string{}, []string{}
		s.ask(ctx, d, last.set)
		all[i] = last.get()
	}
	noteTwins(all)
	out := make([]inspect.Drive, len(all))
	for i, d := range all {
		out[i] = d.Drive
	}
	return out
}
