package nvmetcp

import (
	"bytes"
	"context"
	"net"
	"testing"
	"time"
)

// seeds are PDUs as hosts send them, and those that TestRubbish sends.
func seeds(t testing.TB) [][]byte {
	connect := unhex(t, connectHead+connectAdmin+hostID+dynamic)
	connect = append(append(append(connect, name(AnyNQN)...), name("nqn.host")...), make([]byte, 256)...)
	all := [][]byte{
		unhex(t, icReq), connect, unhex(t, commandHead+getCAP), unhex(t, commandHead+setCC), unhex(t, commandHead+identify),
		unhex(t, "06 04 18 18 1c000000  3400 0000 00000000 04000000 00000000 01020304"),
		unhex(t, "02 00 18 00 20000000  0100 02000000 00 *10  05 00 18 00 18000000"),
		unhex(t, "04 00 48 48 4b000000  81 40 2200 00000000 00 *16  0000000000000000 03000000 000000 01  00000001 03000000 00 *16  f1f2f3"),
	}
	if len(all) < 8 {
		t.Fatal("no seeds")
	}
	return all
}

// A PDU that is taken is what its header says, and never larger than a PDU may be.
func FuzzPDU(f *testing.F) {
	for _, s := range seeds(f) {
		f.Add(s)
	}
	f.Add(unhex(f, "04 00 48 48 ffffffff"))
	f.Add(unhex(f, "02 30 18 30 20000000  00 *24")) // PDO, where it is reserved
	f.Fuzz(func(t *testing.T, b []byte) {
		r := bytes.NewReader(b)
		p, err := readPDU(r)
		if err != nil {
			return
		}
		if taken, plen := len(b)-r.Len(), int(le.Uint32(b[4:])); taken != plen || len(p.head) != int(b[2]) || len(p.data) > plen-len(p.head) || len(p.data) > h2cMax {
			t.Errorf("%d bytes of %d: head %d, data %d", taken, plen, len(p.head), len(p.data))
		}
		if !bytes.HasSuffix(b[:int(le.Uint32(b[4:]))], p.data) || !bytes.HasPrefix(b, p.head) {
			t.Error("not the bytes that came")
		}
	})
}

// Whatever a host sends once it is connected, its session ends when it ends, and
// the model is still there.
func FuzzSession(f *testing.F) {
	all := seeds(f)
	f.Add(bytes.Join(all, nil), false)
	f.Add(bytes.Join(all[2:], nil), true)
	for _, s := range all[2:] {
		f.Add(s, true)
	}
	f.Add(unhex(f, commandHead+"01 40 3400 01000000 00 *16  0000000000000000 04000000 000000 5a  04000000 00000000 0200 00 *14"+
		" 06 04 18 18 1c000000  3400 0000 00000000 04000000 00000000 01020304"), true)
	prefix := bytes.Join([][]byte{all[0], all[1], unhex(f, commandHead+setCC)}, nil)
	f.Fuzz(func(t *testing.T, b []byte, connected bool) {
		model := newFake()
		s := &server{model: model, options: Options{NQN: AnyNQN}, conns: map[*queue]bool{}, controllers: map[uint16]*controller{}}
		host, target := net.Pipe()
		q := newQueue(s, target)
		s.conns[q] = true
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			q.run(context.Background())
		}()
		go func() { // what is answered goes nowhere
			buf := make([]byte, 4096)
			for {
				if _, err := host.Read(buf); err != nil {
					return
				}
			}
		}()
		_ = host.SetWriteDeadline(time.Now().Add(5 * time.Second))
		if connected {
			b = append(append([]byte(nil), prefix...), b...)
		}
		_, _ = host.Write(b) // the door may close first
		_ = host.Close()
		select {
		case <-ended:
		case <-time.After(5 * time.Second):
			t.Fatal("the session does not end")
		}
		if len(s.conns) > 0 || len(s.controllers) > 0 || !model.Plugged() {
			t.Errorf("%d connections and %d controllers are left", len(s.conns), len(s.controllers))
		}
	})
}
