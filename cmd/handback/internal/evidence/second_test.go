package evidence_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"handback.example/certs"
	"handback.example/certs/sign"
	"handback.example/cmd/handback/internal/evidence"
	"handback.example/cmd/handback/internal/stick"
)

// twoSticks are enrolled under one root.
func twoSticks(t *testing.T) (first, second *sign.Signer) {
	t.Helper()
	root, rootKey, cert, key, err := sign.Demonstration("S01")
	if err != nil {
		t.Fatal(err)
	}
	cert2, key2, err := sign.Enrol(root, rootKey, "S02")
	if err != nil {
		t.Fatal(err)
	}
	if first, err = sign.LoadStick(root, cert, key); err != nil {
		t.Fatal(err)
	}
	if second, err = sign.LoadStick(root, cert2, key2); err != nil {
		t.Fatal(err)
	}
	return first, second
}

// files of a folder, by name.
func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		name, _ := filepath.Rel(dir, path)
		all[name] = string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// The first stick is pulled in mid-visit and another one put in: each of its calls
// fails in turn, and the power is cut at each. What was begun on the first lands on
// it under the first one's name; its own visits and numbers stay as they are; and
// when the first is back, both say the same.
func TestSecondStick(t *testing.T) {
	s1, s2 := twoSticks(t)
	own := inMemory(t)
	goOn(t, begin(t, newDir(t, own), s2), steps(), func([]certs.Record) {})
	calls := secondStick(t, s1, s2, own, 0, noFault)
	if calls < 10 {
		t.Fatalf("only %d calls are made to fail", calls)
	}
	for _, kind := range []fault{failsBefore, failsAfter} {
		for at := 1; at <= calls; at++ {
			secondStick(t, s1, s2, own, at, kind)
		}
	}
}

// secondStick fails one of the second stick's calls; own is what it holds before.
// Where none fails the power is cut at each.
func secondStick(t *testing.T, s1, s2 *sign.Signer, own string, at int, kind fault) (calls int) {
	home, other := inMemory(t), copyDir(t, own)
	before := files(t, other)
	gone := false
	first := &faulty{Dir: newDir(t, home), fail: func(int) fault {
		if gone {
			return failsBefore
		}
		return noFault
	}}
	b := begin(t, first, s1)
	all := steps()
	for _, r := range all[:3] {
		if err := b.Append(ctx, r); err != nil {
			t.Fatal(err)
		}
	}
	gone = true
	for _, r := range all[3:] {
		if err := b.Append(ctx, r); !errors.Is(err, evidence.ErrWaiting) {
			t.Fatalf("the stick is out, and Append said %v", err)
		}
	}
	if _, err := b.Certify(ctx); !errors.Is(err, evidence.ErrWaiting) {
		t.Fatal(err)
	}
	second := &faulty{Dir: newDir(t, other), fail: func(call int) fault {
		if call == at {
			return kind
		}
		return noFault
	}}
	var cuts []string
	if at == 0 {
		second.before = func() { cuts = append(cuts, copyDir(t, other)) }
	}
	if err := b.FlushTo(ctx, second); err != nil {
		if !errors.Is(err, evidence.ErrWaiting) || b.Pending() == 0 {
			t.Fatalf("%v, %d wait", err, b.Pending())
		}
		if err := b.FlushTo(ctx, second); err != nil {
			t.Fatal(err)
		}
	}
	if b.Pending() != 0 || b.Behind() == 0 {
		t.Fatalf("%d wait, the first stick lacks %d", b.Pending(), b.Behind())
	}
	if at == 0 {
		checkSecond(t, other, before, b.Visit(), s1, s2)
	}
	for _, c := range append(cuts, other) {
		checkSecondCut(t, c, before)
	}
	// The first one comes back, in the same machine and then at the next start.
	gone = false
	if err := b.Flush(ctx); err != nil || b.Behind() != 0 {
		t.Fatalf("%v, the first stick lacks %d", err, b.Behind())
	}
	here, there := files(t, home), files(t, other)
	for name, data := range here {
		if there[name] != data {
			t.Errorf("%s says other things on the two sticks", name)
		}
	}
	if len(there) != len(here)+len(before) || len(stored(t, home)[b.Visit()]) != len(all)+2 {
		t.Errorf("%d files on the first stick, %d on the second", len(here), len(there))
	}
	if again, err := evidence.Resume(ctx, newDir(t, home), s1, clock()); again != nil || err != nil {
		t.Errorf("the visit goes on once more: %v, %v", again, err)
	}
	return second.calls
}

// checkSecond: what was on the second stick is untouched, its next number is its own
// next one, and the guest's visit is whole.
func checkSecond(t *testing.T, dir string, before map[string]string, visit string, s1, s2 *sign.Signer) {
	t.Helper()
	now := files(t, dir)
	for name, data := range before {
		if now[name] != data {
			t.Errorf("%s was changed", name)
		}
	}
	for name := range now {
		if _, was := before[name]; !was && !strings.Contains(name, visit) {
			t.Errorf("%s came with visit %s", name, visit)
		}
	}
	guest := t.TempDir()
	for name, data := range now {
		if strings.Contains(name, visit) {
			if err := newDir(t, guest).Write(ctx, name, []byte(data)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if n := len(onMedium(t, guest, s1)[visit]); n != len(steps())+2 {
		t.Errorf("%d records of the guest", n)
	}
	if next := begin(t, newDir(t, copyDir(t, dir)), s2); next.Visit() != "S02-000002" {
		t.Errorf("the second stick's next visit is %s", next.Visit())
	}
}

// checkSecondCut: the power goes in mid-transfer. No file is torn, and nothing that
// was there has gone.
func checkSecondCut(t *testing.T, dir string, before map[string]string) {
	t.Helper()
	now := files(t, dir)
	for name, data := range before {
		if now[name] != data {
			t.Errorf("a cut has changed %s", name)
		}
	}
	var guest []string
	for name := range now {
		if strings.HasPrefix(name, "spool/S01-000001-") {
			guest = append(guest, name)
		}
	}
	slices.Sort(guest)
	for i, name := range guest {
		if want := fmt.Sprintf("spool/S01-000001-%04d.json", i+1); name != want {
			t.Errorf("after a cut %s stands where %s belongs", name, want)
		}
		if _, err := certs.Records([][]byte{[]byte(now[name])}); err != nil {
			t.Errorf("after a cut %s is torn: %v", name, err)
		}
	}
}

// The second stick holds another record under the same name: neither is lost.
func TestSecondStickContradicts(t *testing.T) {
	s1, _ := twoSticks(t)
	other := newDir(t, t.TempDir())
	if err := other.Create(ctx, "spool/S01-000001-0002.json", []byte("another")); err != nil {
		t.Fatal(err)
	}
	b := begin(t, newDir(t, t.TempDir()), s1)
	if err := b.Append(ctx, steps()[0]); err != nil {
		t.Fatal(err)
	}
	if err := b.FlushTo(ctx, other); !errors.Is(err, fs.ErrExist) {
		t.Errorf("error is %v", err)
	}
	if there, err := other.Read(ctx, "spool/S01-000001-0002.json"); err != nil || string(there) != "another" {
		t.Errorf("it was replaced: %q, %v", there, err)
	}
}

// A stick that is full, and one that can't be written any more, by the kernel's own
// word: nothing is torn or lost, another stick takes all, and when the first one
// takes it again it gets the rest.
func TestFullAndReadOnly(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("mounting needs root: 'make test' runs the tests as root")
	}
	s := newSigner(t)
	for name, c := range map[string]struct {
		spoil, mend func(t *testing.T, dir string)
		want        error
	}{
		"full": {func(t *testing.T, dir string) { fillUp(t, filepath.Join(dir, "filler")) }, func(t *testing.T, dir string) {
			if err := os.Remove(filepath.Join(dir, "filler")); err != nil {
				t.Fatal(err)
			}
		}, syscall.ENOSPC},
		"read-only": {func(t *testing.T, dir string) { mount(t, "-o", "remount,ro", dir) }, func(t *testing.T, dir string) { mount(t, "-o", "remount,rw", dir) }, syscall.EROFS},
	} {
		t.Run(name, func(t *testing.T) {
			dir, other := t.TempDir(), t.TempDir()
			mount(t, "-t", "tmpfs", "-o", "size=9m", "tmpfs", dir)
			t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
			b := begin(t, newDir(t, dir), s)
			all := steps()
			for i, r := range all {
				if i == 3 {
					c.spoil(t, dir)
				}
				err := b.Append(ctx, r)
				if (err != nil) != (i >= 3) || err != nil && (!errors.Is(err, evidence.ErrWaiting) || !errors.Is(err, c.want)) {
					t.Fatalf("record %d: %v", i, err)
				}
			}
			if _, err := b.Certify(ctx); !errors.Is(err, c.want) {
				t.Fatal(err)
			}
			if n := len(onMedium(t, dir, s)[b.Visit()]); n != 4 {
				t.Errorf("%d records on the stick", n)
			}
			if err := b.FlushTo(ctx, newDir(t, other)); err != nil || b.Pending() != 0 {
				t.Fatal(err)
			}
			c.mend(t, dir)
			if err := b.Flush(ctx); err != nil || b.Behind() != 0 {
				t.Fatal(err)
			}
			for _, d := range []string{dir, other} {
				if n := len(onMedium(t, d, s)[b.Visit()]); n != len(all)+2 {
					t.Errorf("%d records", n)
				}
			}
		})
	}
}

func mount(t *testing.T, args ...string) {
	t.Helper()
	if out, err := exec.Command("mount", args...).CombinedOutput(); err != nil {
		t.Fatalf("mount %v: %v: %s", args, err, out)
	}
}

func fillUp(t *testing.T, name string) {
	t.Helper()
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for chunk := make([]byte, 1<<20); len(chunk) > 0; {
		if _, err := f.Write(chunk); errors.Is(err, syscall.ENOSPC) {
			chunk = chunk[:len(chunk)/2]
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

// An engine dies while the stick is out: what it had sealed is in its copies, and
// the next one takes it to whichever stick of this hub is in. The visit goes on.
func TestRecover(t *testing.T) {
	s1, _ := twoSticks(t)
	home, copies := t.TempDir(), newDir(t, t.TempDir())
	gone := false
	st := &faulty{Dir: newDir(t, home), fail: func(int) fault {
		if gone {
			return failsBefore
		}
		return noFault
	}}
	b := begin(t, st, s1)
	if err := b.KeepCopies(ctx, copies); err != nil {
		t.Fatal(err)
	}
	all := steps()
	for i, r := range all[:5] {
		gone = i >= 3 // FINISHED and TPM are nowhere but in memory
		if err := b.Append(ctx, r); (err != nil) != gone {
			t.Fatal(err)
		}
	}
	gone = false
	for range 2 { // twice does no harm
		if visits, err := evidence.Recover(ctx, copies, st, s1.Root); err != nil || !slices.Equal(visits, []string{b.Visit()}) {
			t.Fatalf("%v, %v", visits, err)
		}
	}
	next, err := evidence.Resume(ctx, st, s1, clock())
	if err != nil || next == nil || len(next.Records()) != 6 || next.Summary().Verdict != certs.Sanitised {
		t.Fatalf("the next engine finds %v, %v", next, err)
	}
	if err := next.KeepCopies(ctx, copies); err != nil {
		t.Fatal(err)
	}
	goOn(t, next, all[5:], func([]certs.Record) {})
	if n := len(onMedium(t, home, s1)[b.Visit()]); n != len(all)+2 {
		t.Errorf("%d records", n)
	}
	// Another stick of this hub is in when the engine comes back.
	elsewhere := t.TempDir()
	if _, err := evidence.Recover(ctx, copies, newDir(t, elsewhere), s1.Root); err != nil {
		t.Fatal(err)
	}
	if n := len(onMedium(t, elsewhere, s1)[b.Visit()]); n != len(all)+2 {
		t.Errorf("%d records on the other stick", n)
	}
}

// An engine dies with papers that no stick has: they land with the record that
// vouches for them, and a paper of before that it denies goes.
func TestRecoverPapers(t *testing.T) {
	s1, _ := twoSticks(t)
	home, copies := t.TempDir(), newDir(t, t.TempDir())
	gone := false
	st := &faulty{Dir: newDir(t, home), fail: func(int) fault {
		if gone {
			return failsBefore
		}
		return noFault
	}}
	b := begin(t, st, s1)
	for _, r := range steps() {
		if err := b.Append(ctx, r); err != nil {
			t.Fatal(err)
		}
	}
	if err := st.Write(ctx, "certificates/"+b.Visit()+"-hold.pdf", []byte("of an earlier start")); err != nil {
		t.Fatal(err)
	}
	if err := b.KeepCopies(ctx, copies); err != nil {
		t.Fatal(err)
	}
	gone = true
	if _, err := b.Certify(ctx); !errors.Is(err, evidence.ErrWaiting) {
		t.Fatal(err)
	}
	gone = false
	if _, err := evidence.Recover(ctx, copies, st.Dir, s1.Root); err != nil {
		t.Fatal(err)
	}
	if n := len(onMedium(t, home, s1)[b.Visit()]); n != len(steps())+2 {
		t.Errorf("%d records", n)
	}
	if papers, err := st.List(ctx, "certificates"); err != nil || slices.Contains(papers, b.Visit()+"-hold.pdf") {
		t.Errorf("papers %v, %v", papers, err)
	}
	if again, err := evidence.Resume(ctx, st, s1, clock()); again != nil || err != nil {
		t.Errorf("it goes on: %v, %v", again, err)
	}
}

// What another hub's stick has sealed is not put on this one's, and stays.
func TestRecoverRefuses(t *testing.T) {
	s1, stranger := newSigner(t), newSigner(t)
	copies := newDir(t, t.TempDir())
	b := begin(t, newDir(t, t.TempDir()), s1)
	if err := b.KeepCopies(ctx, copies); err != nil {
		t.Fatal(err)
	}
	to := t.TempDir()
	if _, err := evidence.Recover(ctx, copies, newDir(t, to), stranger.Root); !errors.Is(err, evidence.ErrWaiting) || !strings.Contains(err.Error(), "not of a stick of this hub") {
		t.Errorf("error is %v", err)
	}
	if len(files(t, to)) != 0 {
		t.Errorf("written all the same: %v", files(t, to))
	}
	edit(t, copies.Path(), 1, `"locker"`, `"post"`)
	if _, err := evidence.Recover(ctx, copies, newDir(t, to), s1.Root); !errors.Is(err, evidence.ErrWaiting) {
		t.Errorf("records that were changed: %v", err)
	}
	if left, err := copies.List(ctx, "spool"); err != nil || len(left) != 1 || len(files(t, to)) != 0 {
		t.Errorf("left %v, %v", left, err)
	}
	// They keep no other visit from the stick.
	_, s2 := twoSticks(t)
	other := begin(t, newDir(t, t.TempDir()), s2)
	if err := other.KeepCopies(ctx, copies); err != nil {
		t.Fatal(err)
	}
	if _, err := evidence.Recover(ctx, copies, newDir(t, to), s2.Root); !errors.Is(err, evidence.ErrWaiting) {
		t.Errorf("error is %v", err)
	}
	if n := len(onMedium(t, to, s2)[other.Visit()]); n != 1 {
		t.Errorf("%d records of the visit that is good", n)
	}
}

// Copies that can't be kept harm nothing, and are told where it matters.
func TestCopiesFail(t *testing.T) {
	s, dir := newSigner(t), t.TempDir()
	gone := false
	st := &faulty{Dir: newDir(t, dir), fail: func(int) fault {
		if gone {
			return failsBefore
		}
		return noFault
	}}
	b := begin(t, st, s)
	if err := b.KeepCopies(ctx, &faulty{Dir: newDir(t, t.TempDir()), fail: func(int) fault { return failsBefore }}); err == nil {
		t.Error("copies that can't be kept are kept")
	}
	if err := b.Append(ctx, steps()[0]); err != nil {
		t.Errorf("the stick has it: %v", err)
	}
	gone = true
	if err := b.Append(ctx, steps()[1]); !errors.Is(err, evidence.ErrWaiting) || !strings.Contains(err.Error(), "this program's end would lose them") {
		t.Errorf("error is %v", err)
	}
}

var _ stick.Store = (*faulty)(nil)

func (m *memory) ReadAll(ctx context.Context, names []string) (all [][]byte, err error) {
	for _, n := range names {
		b, err := m.Read(ctx, n)
		if err != nil {
			return all, err
		}
		all = append(all, b)
	}
	return all, nil
}
