package onebyone

import (
	"context"
	"io"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A client that says nothing bars nobody, and counts as none; the word of the one
// behind it arrives whole.
func TestSilentClient(t *testing.T) {
	firstWord = 50 * time.Millisecond
	t.Cleanup(func() { firstWord = 10 * time.Second })
	name := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", name)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	var logged []string
	again := 0
	heard := make(chan string, 2)
	ended := make(chan error, 1)
	go func() {
		ended <- Serve(ctx, l, func() { again++ }, func(c net.Conn) error {
			defer c.Close()
			b, err := io.ReadAll(c)
			heard <- string(b)
			return err
		}, func(s string) { logged = append(logged, s) })
	}()
	dial := func() *net.UnixConn {
		c, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: name, Net: "unix"})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	silent := dial()
	defer silent.Close()
	for _, word := range []string{"first", "second"} {
		c := dial()
		if _, err := c.Write([]byte(word)); err != nil {
			t.Fatal(err)
		}
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
		if got := <-heard; got != word {
			t.Errorf("heard %q, not %q", got, word)
		}
	}
	waiting := dial() // and nobody waits for this one when the door is closed
	defer waiting.Close()
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if again != 1 || len(logged) != 1 || !strings.Contains(logged[0], "said nothing for 50ms") {
		t.Errorf("taken again %d times, logged %q", again, logged)
	}
}
