package main

import (
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"text/tabwriter"
)

// table sets rows in columns.
type table struct{ w *tabwriter.Writer }

func newTable(w io.Writer) table { return table{tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)} }

func (t table) row(cells ...string) { fmt.Fprintln(t.w, strings.Join(cells, "\t")) }

// end writes the rows; the next ones are set anew. The writer below is a
// strings.Builder, which never fails.
func (t table) end() { _ = t.w.Flush() }

func sorted(it iter.Seq[string]) []string { return slices.Sorted(it) }
