package main

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// The program links no code of devices and nothing of a network, whatever it is built
// for: see make verify-all.
func TestLinks(t *testing.T) {
	for _, system := range []string{"linux", "windows", "darwin"} {
		for _, machine := range []string{"amd64", "arm64"} {
			target := system + "/" + machine
			env := append(os.Environ(), "CGO_ENABLED=0", "GOOS="+system, "GOARCH="+machine)
			list := exec.Command("go", "list", "-deps", ".")
			list.Env = env
			b, err := list.Output()
			if err != nil {
				t.Fatalf("%s: %v", target, err)
			}
			packages := strings.Fields(string(b))
			if len(packages) < 50 {
				t.Fatalf("%s: only %d packages are linked", target, len(packages))
			}
			for _, p := range packages {
				for _, device := range []string{"handback.example/inspect", "handback.example/wipe", "handback.example/grade", "handback.example/image", "handback.example/cmd/handback/", "golang.org/x/sys", "net/http", "os/exec", "runtime/cgo"} {
					if strings.HasPrefix(p, device) {
						t.Errorf("%s: links %s", target, p)
					}
				}
			}
		}
	}
}
