package capture

import "io"

// WriteNamed is Write, and gives what was replaced by what.
func (r *Recorder) WriteNamed(w io.Writer, program string, own []string) (replace func(string) string, err error) {
	a, c, err := r.concealed(program, own)
	if err != nil {
		return nil, err
	}
	return c.everywhere().Replace, a.write(w)
}

// WriteBare writes all that was recorded as it is.
func (r *Recorder) WriteBare(w io.Writer) error {
	a := archive{tree: r.tree, machine: r.about, drives: r.all}
	return a.write(w)
}
