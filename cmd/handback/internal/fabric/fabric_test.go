package fabric

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"handback.example/image/vmtest"
	"handback.example/inspect/drive/sim/nvmetcp"
)

// What the two ends of a convention call it.
func TestConvention(t *testing.T) {
	if key != vmtest.NVMeTCPKey || anyNQN != nvmetcp.AnyNQN {
		t.Errorf("%q is %q to the virtual machine, %q is %q to the door", key, vmtest.NVMeTCPKey, anyNQN, nvmetcp.AnyNQN)
	}
}

func TestTargets(t *testing.T) {
	got, err := Targets([]string{"Dell System", "handback-test:nvme-tcp=10.0.2.2:4420", "", "handback-test:nvme-tcp=[fec0::2]:8009,nqn=nqn.2014-08.org.example:a:b"})
	want := []Target{
		{netip.MustParseAddrPort("10.0.2.2:4420"), "nqn.2026-01.example.handback:sim"},
		{netip.MustParseAddrPort("[fec0::2]:8009"), "nqn.2014-08.org.example:a:b"},
	}
	if err != nil || !slices.Equal(got, want) {
		t.Fatalf("%v, %v", got, err)
	}
	const options = "transport=tcp,traddr=fec0::2,trsvcid=8009,nqn=nqn.2014-08.org.example:a:b,ctrl_loss_tmo=10,reconnect_delay=1,keep_alive_tmo=30"
	if o := got[1].options(); o != options {
		t.Errorf("the kernel is told %q", o)
	}
	if got, err := Targets(nil); len(got) != 0 || err != nil {
		t.Errorf("of nothing: %v, %v", got, err)
	}
}

func TestTargetsRefuses(t *testing.T) {
	for _, s := range []string{"", "host:4420", "10.0.2.2", "10.0.2.2:0", "10.0.2.2:65536", "10.0.2.2:1,", "10.0.2.2:1,nqn=", "10.0.2.2:1,nqn=other",
		"10.0.2.2:1,nqn=nqn.a,transport=rdma", "10.0.2.2:1,hostnqn=nqn.a", "10.0.2.2:1,nqn=nqn." + strings.Repeat("a", 220)} {
		if got, err := Targets([]string{key + s}); err == nil {
			t.Errorf("%q was taken for %v", s, got)
		}
	}
	if _, err := Targets(slices.Repeat([]string{key + "10.0.2.2:1"}, 33)); err == nil {
		t.Error("33 drives were taken")
	}
}

// A driver that can't be loaded is told, and nothing else is tried.
func TestNoDriver(t *testing.T) {
	want := errors.New("no such module")
	err := Connect(context.Background(), []Target{{}}, func(m ...string) error {
		if !slices.Equal(m, []string{"e1000e", "nvme_tcp"}) {
			t.Errorf("modules %q", m)
		}
		return want
	})
	if !errors.Is(err, want) {
		t.Errorf("error is %v", err)
	}
}
