package main

import (
	"context"
	"debug/buildinfo"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strings"
)

const modulePath = "handback.example"

// applianceProgram gives the program that becomes /init: the one beside this
// program, or one that is built from the checkout that this is started in.
func applianceProgram(ctx context.Context, work string, release bool, say func(string)) (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	program := filepath.Join(filepath.Dir(self), "handback")
	if _, err := os.Stat(program); errors.Is(err, fs.ErrNotExist) {
		if program, err = buildProgram(ctx, work, say); err != nil {
			return "", fmt.Errorf("there is no program handback beside %s: %w: run 'make build', and then bin/handback-image", self, err)
		}
	} else if err != nil {
		return "", err
	}
	return program, checkVersion(program, release, say)
}

// buildProgram builds the appliance as 'make build' does.
func buildProgram(ctx context.Context, work string, say func(string)) (string, error) {
	out, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Path}} {{.Dir}}").Output()
	path, dir, _ := strings.Cut(strings.TrimSpace(string(out)), " ")
	if err != nil || path != modulePath {
		return "", errors.New("this is no checkout of it either")
	}
	say("building the program handback")
	program := filepath.Join(work, "handback")
	abs, err := filepath.Abs(program)
	if err != nil {
		return "", err
	}
	c := exec.CommandContext(ctx, "go", "build", "-buildvcs=auto", "-trimpath", "-ldflags", "-s -w", "-o", abs, "./cmd/handback")
	c.Dir = dir
	c.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH=amd64")
	if out, err := c.CombinedOutput(); err != nil {
		return "", fmt.Errorf("it can't be built: %w\n%s", err, out)
	}
	return program, nil
}

// checkVersion says which program goes in. A release is built only from a commit:
// what a paper names must be there to look at.
func checkVersion(program string, release bool, say func(string)) error {
	info, err := buildinfo.ReadFile(program)
	if err != nil || info.Path != modulePath+"/cmd/handback" {
		return fmt.Errorf("%s is not the appliance's program: run 'make build'", program)
	}
	version, committed := version(info)
	if release && !committed {
		return fmt.Errorf("the program %s is %s: a release is built only from a commit: commit, run 'make build', and build again", program, version)
	}
	say("program    " + version)
	return nil
}

// version of a program by its build information, and whether it is exactly what
// was committed.
func version(info *debug.BuildInfo) (string, bool) {
	commit, changed := "", false
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			commit = s.Value
		case "vcs.modified":
			changed = s.Value == "true"
		}
	}
	switch {
	case commit == "":
		return "of an unknown commit", false
	case changed:
		return "of commit " + commit + " with changes", false
	}
	return "of commit " + commit, true
}
