package packages

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// errGone: apt's lists have no such version.
var errGone = errors.New("it is gone from the archive")

// run a program of apt's, its words in English.
func run(ctx context.Context, dir, name string, args ...string) (string, error) {
	c := exec.CommandContext(ctx, name, args...)
	c.Dir = dir
	c.Env = append(os.Environ(), "LC_ALL=C")
	var out, bad bytes.Buffer
	c.Stdout, c.Stderr = &out, &bad
	err := c.Run()
	switch {
	case errors.Is(err, exec.ErrNotFound):
		return "", fmt.Errorf("%s is not there: the image is built on Debian or a system like it", name)
	case err != nil:
		return "", fmt.Errorf("%s: %w: %s", name, err, strings.Join(strings.Fields(bad.String()), " "))
	}
	return out.String(), nil
}

// show gives the fields that apt's lists have of one version; errGone.
func show(ctx context.Context, name, version string) (map[string]string, error) {
	out, err := run(ctx, "", "apt-cache", "show", "--", name+"="+version)
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		return nil, errGone // there is no other way to ask
	case err != nil:
		return nil, err
	}
	fields := map[string]string{}
	for line := range strings.Lines(out) {
		k, v, ok := strings.Cut(line, ": ")
		if !ok || strings.HasPrefix(line, " ") {
			continue
		}
		if _, twice := fields[k]; !twice {
			fields[k] = strings.TrimSpace(v)
		}
	}
	if fields["Version"] != version {
		return nil, errGone
	}
	return fields, nil
}

// candidate is the version that apt would install.
func candidate(ctx context.Context, name string) (string, error) {
	out, err := run(ctx, "", "apt-cache", "policy", "--", name)
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(out) {
		if v, ok := strings.CutPrefix(strings.TrimSpace(line), "Candidate: "); ok && v != "(none)" {
			return v, nil
		}
	}
	return "", fmt.Errorf("apt's lists have no package %s: run 'apt-get update' as root; Debian 12 has it", name)
}

// newest gives the candidate of a pinned package, its hash by apt's lists.
func newest(ctx context.Context, p Package) (Package, error) {
	n := Package{Role: p.Role, Name: p.Name, Meta: p.Meta}
	var err error
	if p.Meta != "" {
		v, err := candidate(ctx, p.Meta)
		if err != nil {
			return n, err
		}
		fields, err := show(ctx, p.Meta, v)
		if err != nil {
			return n, fmt.Errorf("%s %s: %w", p.Meta, v, err)
		}
		// 'linux-image-6.1.0-56-amd64 (= 6.1.192-2)'
		n.Name, _, _ = strings.Cut(strings.TrimSpace(fields["Depends"]), " ")
		if n.Name = strings.TrimSuffix(n.Name, ","); n.Name == "" {
			return n, fmt.Errorf("%s %s depends on no package", p.Meta, v)
		}
	}
	if n.Version, err = candidate(ctx, n.Name); err != nil {
		return n, err
	}
	fields, err := show(ctx, n.Name, n.Version)
	if err != nil {
		return n, fmt.Errorf("%s: %w", n, err)
	}
	n.SHA256 = fields["SHA256"]
	return n, nil
}
