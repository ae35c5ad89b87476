package ipp

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"handback.example/certs"
	"handback.example/certs/certstest"
	"handback.example/certs/paper"
	"handback.example/certs/pdf"
	"handback.example/certs/sign"
)

// printerScript starts CUPS's reference printer where nothing else can be met: it
// wants a DNS-SD daemon, which gets a message bus and a /run of its own.
const printerScript = `set -e
mount -t tmpfs tmpfs /run
mkdir -p /run/dbus
dbus-daemon --system --nopidfile --fork
printf '[server]\nuse-ipv6=no\nallow-interfaces=lo\n[publish]\ndisable-publishing=yes\n' >/run/avahi.conf
avahi-daemon -f /run/avahi.conf --no-drop-root --no-chroot --no-rlimits -D
exec ippeveprinter -r off -n localhost "$@"
`

// evePrinter is a running ippeveprinter; it gives its URI and the folder of what it
// was sent.
func evePrinter(t *testing.T, args ...string) (uri, spool string) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("a printer in namespaces of its own needs root: 'make test' runs the tests as root")
	}
	l, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	_ = l.Close()
	spool = t.TempDir()
	var said bytes.Buffer
	c := exec.Command("unshare", append([]string{"--mount", "--propagation", "private", "--fork", "--pid", "--kill-child", "sh", "-c", printerScript, "printer",
		"-p", fmt.Sprint(port), "-k", "-d", spool}, args...)...)
	c.Stdout, c.Stderr = &said, &said
	if err := c.Start(); err != nil {
		t.Fatalf("%v (the package that has it is in .ci/packages)", err)
	}
	t.Cleanup(func() { _ = c.Process.Kill(); _ = c.Wait() })
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		if conn, err := net.Dial("tcp", fmt.Sprintf("localhost:%d", port)); err == nil {
			_ = conn.Close()
			return fmt.Sprintf("ipp://localhost:%d/ipp/print", port), spool
		}
		if time.Now().After(end) {
			_ = c.Process.Kill()
			_ = c.Wait()
			t.Fatalf("ippeveprinter does not come up: %s", said.String())
		}
	}
}

func certificate(t *testing.T) []byte {
	t.Helper()
	s, _ := certstest.Keys(sign.Demonstrating)
	d := certstest.Drive(0)
	v := certstest.New(s, 412).Add(certstest.Intake(), certstest.Facts(d), certstest.Consent(certs.LevelPurge, d),
		certstest.Started(d, certs.LevelPurge), certstest.Finished(d, certs.LevelPurge), certstest.TPM(certs.TPMCleared))
	b, err := pdf.Make(paper.Erasure, pdf.Input{Envelopes: v.Envelopes(), Signer: s})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func within30(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// A certificate reaches CUPS's reference printer to the last byte, in as many
// copies as were asked for, and the job is seen to its end.
func TestRealPrinter(t *testing.T) {
	done := filepath.Join(t.TempDir(), "done")
	script := filepath.Join(t.TempDir(), "printed")
	if err := os.WriteFile(script, []byte("#!/bin/sh\nsleep 1\necho \"$IPP_COPIES $IPP_MEDIA $CONTENT_TYPE\" >"+done+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	uri, spool := evePrinter(t, "-f", "application/pdf,image/urf", "-c", script, "Bench-3")
	sheet := certificate(t)
	if err := Print(within30(t), uri, Document{Name: "S01-000412-erasure.pdf", Data: sheet, Copies: 2, Media: A4}); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(spool, "*.pdf"))
	if err != nil || len(files) != 1 {
		t.Fatalf("the printer holds %v, %v", files, err)
	}
	if got, err := os.ReadFile(files[0]); err != nil || !bytes.Equal(got, sheet) {
		t.Errorf("the printer has %d bytes of %d, or others (%v)", len(got), len(sheet), err)
	}
	if said, err := os.ReadFile(done); err != nil || string(said) != "2 iso_a4_210x297mm application/pdf\n" {
		t.Errorf("Print returned, and the printer says %q, %v", said, err)
	}
}

// A printer that takes no PDF gets none.
func TestRealPrinterWithoutPDF(t *testing.T) {
	uri, spool := evePrinter(t, "-f", "image/pwg-raster,image/urf", "-c", "/bin/true", "Bench-4")
	err := Print(within30(t), uri, Document{Name: "S01-000412-erasure.pdf", Data: certificate(t)})
	want := `the printer "Bench-4" takes no PDF (application/octet-stream, image/pwg-raster, image/urf): set another printer in print.uri`
	if err == nil || err.Error() != want {
		t.Errorf("error is %v", err)
	}
	if files, err := os.ReadDir(spool); err != nil || len(files) != 0 {
		t.Errorf("it was sent %v, %v", files, err)
	}
}

// A printer that fails says so: the job is aborted.
func TestRealPrinterFails(t *testing.T) {
	uri, _ := evePrinter(t, "-f", "application/pdf", "-c", "/bin/false", "Bench-5")
	err := Print(within30(t), uri, Document{Name: "S01-000412-erasure.pdf", Data: certificate(t)})
	want := `the printer "Bench-5" has given the job up (aborted-by-system): look at its display, and print again`
	if err == nil || err.Error() != want {
		t.Errorf("error is %v", err)
	}
}
