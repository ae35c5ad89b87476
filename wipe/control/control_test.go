package control

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"handback.example/inspect"
	"handback.example/inspect/drive"
	"handback.example/inspect/drive/linux"
	"handback.example/inspect/drive/sim"
	"handback.example/inspect/drive/sim/inproc"
	"handback.example/inspect/drive/sim/profile"
	"handback.example/inspect/survey"
	"handback.example/wipe"
	"handback.example/wipe/job"
	"handback.example/wipe/journal"
	"handback.example/wipe/plan"
)

const head = "name = \"a drive\"\nsource = \"made up for a test\"\n"

// texts of drives of each command set.
var texts = map[string]string{
	"SATA": head + "[ata]\nserial = \"C1\"\nmodel = \"Control ATA\"\nfirmware = \"1\"\nnative_sectors = 16384\n",
	"NVMe": head + "[nvme]\nserial = \"C1\"\nmodel = \"Control NVMe\"\nfirmware = \"1\"\n[[nvme.namespaces]]\nid = 1\nbytes = 8388608\nattached = true\n",
	"SAS":  head + "[scsi]\nvendor = \"CONTROL\"\nproduct = \"SAS\"\nserial = \"C1\"\nblocks = 16384\n",
	"4Kn":  head + "[scsi]\nvendor = \"CONTROL\"\nproduct = \"SAS 4Kn\"\nserial = \"C1\"\nblocks = 2048\nlogical_block = 4096\n",
	"eMMC": head + "[mmc]\nmanufacturer = 0x15\nproduct = \"CONTRL\"\nserial = \"0xc5f7a1b2\"\nsectors = 16384\n",
}

// bench with one drive on it.
type bench struct {
	t      *testing.T
	opener drive.Opener
	path   string
	model  *profile.Drive
	diary  diary
}

func newBench(t *testing.T, text string) *bench {
	t.Helper()
	clock := sim.NewManual()
	host := inproc.NewHost(clock)
	d, err := profile.Parse("control.toml", text, profile.Options{Clock: clock})
	if err != nil {
		t.Fatal(err)
	}
	paths, err := d.Attach(host, "/dev/c")
	if err != nil {
		t.Fatal(err)
	}
	m := d.Model.Media()[0]
	if err := m.Fill(0, m.Size(), sim.Repeat([]byte("PRIVATE data"))); err != nil {
		t.Fatal(err)
	}
	return &bench{t: t, opener: host, path: paths[0], model: d}
}

func (b *bench) plan() wipe.Plan {
	r := &inspect.Report{Drives: survey.Ask(b.t.Context(), b.opener, b.path), Unhandled: []inspect.Finding{}}
	return plan.Make(r, plan.Policy{Want: wipe.LevelClear, Technique: wipe.OverwriteZero, Verify: wipe.VerifyFull})
}

func (b *bench) run(change ...func(*job.Options)) Result {
	b.t.Helper()
	o := job.Options{Opener: b.opener, Journal: &b.diary}
	for _, f := range change {
		f(&o)
	}
	r, err := Run(b.t.Context(), b.plan(), o, [32]byte{1, 2, 3}, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	if r.Verdict == "" || r.What == "" || r.Verdict != Passed && r.Do == "" {
		b.t.Errorf("no word about it: %+v", r)
	}
	return r
}

// diary keeps the order of what was asked of the journal.
type diary struct {
	mu     sync.Mutex
	starts int
	fail   int // the STARTED that can't be written; 0: none
}

func (d *diary) Started(context.Context, journal.Entry) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.starts++
	if d.starts == d.fail {
		return errors.New("the stick is full")
	}
	return nil
}

func (d *diary) Mark(context.Context, drive.Identity, journal.Mark) error { return nil }

// lying opens drives whose reads answer something of its own.
type lying struct {
	drive.Opener
	read func(b []byte, off int64)
}

func (l lying) OpenTarget(path string) (drive.Target, error) {
	t, err := l.Opener.OpenTarget(path)
	return liar{t, l.read}, err
}

type liar struct {
	drive.Target
	read func(b []byte, off int64)
}

func (l liar) ReadAt(b []byte, off int64) (int, error) {
	n, err := l.Target.ReadAt(b, off)
	l.read(b[:n], off)
	return n, err
}

func TestEveryResidueIsFound(t *testing.T) {
	for name, text := range texts {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, text)
			var during []byte // what stood on the medium between the two
			r := b.run(func(o *job.Options) {
				o.MayStart = func() error {
					during = content(t, b.model)
					return nil
				}
			})
			if r.Verdict != Passed || r.Planted != residues || r.Found != residues || r.Then != 0 || b.diary.starts != 2 ||
				r.Seed != "0102030000000000000000000000000000000000000000000000000000000000" {
				t.Errorf("%+v", r)
			}
			if r.Bad.Verdict != wipe.Failed || r.Bad.Code != "survivors" || r.Good.Verdict != wipe.Sanitised || r.Good.Level != wipe.LevelClear || r.Good.Evidence != wipe.EvidenceMeasured {
				t.Errorf("%+v, then %+v", r.Bad, r.Good)
			}
			block, wrong := int(r.Bad.Drive.Geometry.LogicalBlock), 0
			for c := range slices.Chunk(during, block) {
				if len(bytes.Trim(c, "\x00")) > 0 {
					wrong++
				}
			}
			if wrong != residues || bytes.Contains(during, []byte("PRIVATE")) {
				t.Errorf("%d blocks of the medium held a residue", wrong)
			}
			if left := bytes.Trim(content(t, b.model), "\x00"); len(left) > 0 {
				t.Errorf("%d bytes are left", len(left))
			}
		})
	}
}

func content(t *testing.T, d *profile.Drive) []byte {
	t.Helper()
	m := d.Model.Media()[0]
	b := make([]byte, m.Size())
	if _, err := m.ReadAt(b, 0); err != nil {
		t.Fatal(err)
	}
	return b
}

// A verification that is broken on purpose makes the check fail, and what it says of
// the proper overwrite counts for nothing.
func TestBrokenVerification(t *testing.T) {
	geometry := drive.Geometry{Size: 8 << 20, LogicalBlock: 512}
	places := placesOf(geometry, [32]byte{1, 2, 3})
	for name, c := range map[string]struct {
		read  func(b []byte, off int64)
		found int64
	}{
		"reads are answered with zeros": {func(b []byte, _ int64) { clear(b) }, 0},
		"the last block is not read":    {blank(places[len(places)-1:]), residues - 1},
		"a single turned bit is not seen": {func(b []byte, off int64) {
			for i, v := range b {
				if v == 1 { // zeros, of which one bit was turned
					b[i] = 0
				}
			}
		}, residues / 2},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, texts["SATA"])
			r := b.run(func(o *job.Options) { o.Opener = lying{o.Opener, c.read} })
			if r.Verdict != Failed || r.Planted != residues || r.Found != c.found {
				t.Errorf("%+v", r)
			}
			if r.Good.Verdict == wipe.Sanitised || r.Good.Level != wipe.LevelNone || r.Good.Do == "" {
				t.Errorf("the proper overwrite is called %+v", r.Good)
			}
			if !strings.Contains(r.What, fmt.Sprintf("found %d", c.found)) || !strings.Contains(r.What, "C1") {
				t.Error(r.What)
			}
		})
	}
}

// blank gives a reader that sees nothing at these places.
func blank(places []place) func(b []byte, off int64) {
	return func(b []byte, off int64) {
		for _, p := range places {
			if p.off >= off && p.off+int64(p.block) <= off+int64(len(b)) {
				clear(b[p.off-off:][:p.block])
			}
		}
	}
}

// One that sees what is not there is no better.
func TestVerificationThatSeesGhosts(t *testing.T) {
	b := newBench(t, texts["SATA"])
	r := b.run(func(o *job.Options) {
		o.Opener = lying{o.Opener, func(b []byte, off int64) {
			if off <= 1<<20 && 1<<20 < off+int64(len(b)) {
				b[1<<20-off] ^= 8
			}
		}}
	})
	if r.Verdict != Failed || r.Good.Verdict == wipe.Sanitised {
		t.Errorf("%+v", r)
	}
}

// A drive that breaks tells nothing of the bench.
func TestDriveThatBreaks(t *testing.T) {
	for name, fault := range map[string]string{
		"on writing": "[[fault]]\nwrites = true\nlba = 5000\nmedium = true\n",
		"on reading": "[[fault]]\nreads = true\nlba = 5000\nmedium = true\n",
		"wholly":     "[[fault]]\nwrites = true\nnth = 2\nunplug = true\n",
	} {
		t.Run(name, func(t *testing.T) {
			r := newBench(t, texts["SATA"]+fault).run()
			if r.Verdict != NotDone || r.Good != nil && r.Good.Verdict == wipe.Sanitised {
				t.Errorf("%+v", r)
			}
		})
	}
}

// The guards of an erasure are those of a check.
func TestGuards(t *testing.T) {
	untouched := func(t *testing.T, b *bench, r Result) {
		t.Helper()
		if r.Verdict != NotDone || r.Bad.Verdict != wipe.Refused || r.Good != nil || r.Found != 0 {
			t.Errorf("%+v", r)
		}
		if c := content(t, b.model); len(c) != bytes.Count(c, []byte("PRIVATE data"))*12+len(c)%12 {
			t.Error("something was written")
		}
	}
	t.Run("no journal", func(t *testing.T) {
		b := newBench(t, texts["SATA"])
		untouched(t, b, b.run(func(o *job.Options) { o.Journal = nil }))
	})
	t.Run("a journal that is full", func(t *testing.T) {
		b := newBench(t, texts["SATA"])
		b.diary.fail = 1
		untouched(t, b, b.run())
	})
	t.Run("another plan", func(t *testing.T) {
		b := newBench(t, texts["SATA"])
		untouched(t, b, b.run(func(o *job.Options) { o.Digest = "other" }))
	})
	t.Run("in use", func(t *testing.T) {
		b := newBench(t, texts["SATA"])
		p := b.plan()
		held, err := b.opener.OpenTarget(b.path)
		if err != nil {
			t.Fatal(err)
		}
		defer held.Close()
		r, err := Run(t.Context(), p, job.Options{Opener: b.opener, Journal: &b.diary}, [32]byte{1}, nil)
		if err != nil {
			t.Fatal(err)
		}
		untouched(t, b, r)
	})
	t.Run("another drive", func(t *testing.T) {
		p := newBench(t, texts["SATA"]).plan()
		b := newBench(t, strings.Replace(texts["SATA"], `"C1"`, `"C2"`, 1))
		r, err := Run(t.Context(), p, job.Options{Opener: b.opener, Journal: &b.diary}, [32]byte{1}, nil)
		if err != nil {
			t.Fatal(err)
		}
		untouched(t, b, r)
	})
	t.Run("stopped", func(t *testing.T) {
		b := newBench(t, texts["SATA"])
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		r, err := Run(ctx, b.plan(), job.Options{Opener: b.opener, Journal: &b.diary}, [32]byte{1}, nil)
		if err != nil {
			t.Fatal(err)
		}
		untouched(t, b, r)
	})
	t.Run("what is no whole overwrite", func(t *testing.T) {
		b := newBench(t, texts["SATA"])
		for _, change := range []func(p *wipe.Plan){
			func(p *wipe.Plan) { p.Drives = nil },
			func(p *wipe.Plan) { p.Drives = append(p.Drives, p.Drives[0]) },
			func(p *wipe.Plan) { p.Drives[0].Ladder = nil },
			func(p *wipe.Plan) { p.Drives[0].Ladder[0].Verify = wipe.VerifySample },
			func(p *wipe.Plan) { p.Drives[0].Ladder[0].Technique = wipe.ATASecurityErase },
		} {
			p := b.plan()
			change(&p)
			if r, err := Run(t.Context(), p, job.Options{Opener: b.opener, Journal: &b.diary}, [32]byte{1}, nil); !errors.Is(err, ErrPlan) || r.Verdict == Passed {
				t.Errorf("%+v, %v", r, err)
			}
		}
	})
}

// The second STARTED can't be written: the residue was found, and the check has not
// come to its end.
func TestCutBetween(t *testing.T) {
	b := newBench(t, texts["SATA"])
	b.diary.fail = 2
	if r := b.run(); r.Verdict != NotDone || r.Found != residues || r.Good.Verdict != wipe.Refused {
		t.Errorf("%+v", r)
	}
}

func TestPlaces(t *testing.T) {
	g := drive.Geometry{Size: 1 << 40, LogicalBlock: 4096}
	a := placesOf(g, [32]byte{7})
	if !slices.Equal(a, placesOf(g, [32]byte{7})) || slices.Equal(a, placesOf(g, [32]byte{8})) {
		t.Error("the seed does not tell the places")
	}
	if len(a) != residues || a[0].off != 0 || a[residues-1].off != 1<<40-4096 {
		t.Errorf("%+v", a)
	}
	for i, p := range a {
		if p.off%4096 != 0 || p.block != 4096 || (p.flip >= 0) != (i%2 == 1) || p.flip >= 4096 {
			t.Errorf("%+v", p)
		}
	}
	// Of a drive with less blocks than places every one is a place.
	if got := placesOf(drive.Geometry{Size: 5 * 512, LogicalBlock: 512}, [32]byte{}); len(got) != 5 {
		t.Errorf("%+v", got)
	}
	b := make([]byte, 8192)
	if got := spoil(b, 1<<39+1, a); &got[0] != &b[0] {
		t.Error("a write beside all places was copied")
	}
	if got := spoil(b, 0, a); &got[0] == &b[0] || !bytes.HasPrefix(got, []byte("Residue planted")) || len(bytes.Trim(b, "\x00")) > 0 || len(bytes.Trim(got[4096:], "\x00")) > 0 {
		t.Error("a write over the first block")
	}
}

// On a real kernel: a loop device, judged from its backing file.
func TestLoopDevice(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("loop devices need root")
	}
	file := filepath.Join(t.TempDir(), "control-alpha.img")
	if err := os.WriteFile(file, bytes.Repeat([]byte("PRIVATE data"), 16<<20/12), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(file, 16<<20); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("losetup", "-f", "--show", file).Output()
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{t: t, opener: linux.Opener{}, path: strings.TrimSpace(string(out))}
	t.Cleanup(func() { _ = exec.Command("losetup", "-d", b.path).Run() })
	r := b.run()
	if r.Verdict != Passed || r.Found != residues {
		t.Errorf("%+v", r)
	}
	c, err := os.ReadFile(file)
	if err != nil || len(bytes.Trim(c, "\x00")) > 0 {
		t.Errorf("something is left in its file: %v", err)
	}
}
