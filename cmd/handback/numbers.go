package main

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"strings"

	"handback.example/cmd/handback/internal/stick"
	"handback.example/cmd/internal/settings"
)

// numbered is the folder of --out, with the numbers of visits kept where the key
// lives: one key may write to many folders, and no two of its visits may have the
// same number. Each INTAKE is created in the state directory first.
type numbered struct {
	stick.Store
	state stick.Store
}

func isIntake(name string) bool {
	return strings.HasPrefix(name, settings.SpoolDir+"/") && strings.HasSuffix(name, "-0001.json")
}

// Create reserves the number of an INTAKE before it stores it.
func (n numbered) Create(ctx context.Context, name string, b []byte) error {
	if isIntake(name) {
		if err := n.state.Create(ctx, name, b); err != nil {
			return err
		}
	}
	return n.Store.Create(ctx, name, b)
}

// List gives the names of both.
func (n numbered) List(ctx context.Context, dir string) ([]string, error) {
	kept, err := n.state.List(ctx, dir)
	if err != nil {
		return nil, err
	}
	here, err := n.Store.List(ctx, dir)
	if err != nil {
		return nil, err
	}
	all := append(slices.Clone(kept), here...)
	slices.Sort(all)
	return slices.Compact(all), nil
}

// Read finds the INTAKE of a visit whose folder is another one.
func (n numbered) Read(ctx context.Context, name string) ([]byte, error) {
	b, err := n.Store.Read(ctx, name)
	if isIntake(name) && errors.Is(err, fs.ErrNotExist) {
		return n.state.Read(ctx, name)
	}
	return b, err
}

// ReadAll reads each where it is.
func (n numbered) ReadAll(ctx context.Context, names []string) (all [][]byte, err error) {
	for _, name := range names {
		b, err := n.Read(ctx, name)
		if err != nil {
			return all, err
		}
		all = append(all, b)
	}
	return all, nil
}
