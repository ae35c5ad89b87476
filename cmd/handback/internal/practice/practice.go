// Package practice is a workshop bench where nothing is real: laptops that come one
// after the other, whose drives are models in this process. Screens, engine, records
// and papers are those of the real bench; what is signed is of the practice class,
// which the verifier refuses unless it is told to take it.
//
// No drive of the computer is opened: the only opener is that of the models.
package practice

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"fmt"
	"path/filepath"
	"time"

	"handback.example/certs/sign"
	"handback.example/cmd/handback/internal/bench"
	"handback.example/cmd/handback/internal/stick"
	"handback.example/cmd/internal/settings"
	"handback.example/inspect"
	"handback.example/inspect/drive/sim/inproc"
	"handback.example/inspect/function"
	"handback.example/wipe/platform"
	"handback.example/wipe/tpm"
)

const (
	stickName = "PRACTICE"
	// validity of a key that is made for one practice and kept nowhere.
	validity = 30 * 24 * time.Hour
	slack    = time.Hour
	linger   = time.Second
)

// Bench is where practice machines are brought to.
type Bench struct {
	store   *stick.Dir
	signer  *sign.Signer
	lessons []Lesson
}

// New gives a bench whose records and papers go into a folder.
func New(ctx context.Context, dir string, lessons []Lesson) (*Bench, error) {
	store, err := stick.NewDir(dir)
	if err != nil {
		return nil, err
	}
	s, err := signer()
	if err != nil {
		return nil, err
	}
	return &Bench{store, s, lessons}, store.Write(ctx, settings.RootPEM, sign.CertPEM(s.Root))
}

// signer of the practice class. The root's key is not kept.
func signer() (*sign.Signer, error) {
	from := time.Now().Add(-slack)
	root, rootKey, err := sign.NewRoot(sign.Practice, "Handback practice root", from, validity)
	if err != nil {
		return nil, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	cert, err := sign.Issue(root, rootKey, sign.RoleStick, stickName, key.Public(), from, validity)
	if err != nil {
		return nil, err
	}
	pem, err := sign.KeyPEM(key)
	if err != nil {
		return nil, err
	}
	return sign.LoadStick(sign.CertPEM(root), sign.CertPEM(cert), pem)
}

// World is the machine of a lesson at this bench. Dir is a folder for what the engine
// keeps until the machine is switched off.
func (b *Bench) World(n int, dir string) (bench.World, error) {
	l := b.lessons[n]
	host := inproc.NewHost(nil)
	in, err := l.plug(host)
	if err != nil {
		return bench.World{}, fmt.Errorf("practice machine %d: %w", n+1, err)
	}
	began := time.Now()
	w := bench.World{
		Station: func(context.Context) (bench.Station, error) {
			return bench.Station{Settings: ours(n, len(b.lessons)), Signer: b.signer, Store: b.store}, nil
		},
		Survey: func(ctx context.Context, _ func(inspect.Drive)) (*inspect.Report, error) {
			r := l.machine(n)
			r.Drives = in.ask(ctx, host)
			return r, nil
		},
		Machine: func(context.Context) *inspect.Report { return l.machine(n) },
		Opener:  paced{host},
		Paths:   host.Paths,
		Tester:  host,
		Test:    pretend,
		Battery: func(ctx context.Context, _ string) function.Outcome {
			<-ctx.Done() // until the processor's test is over
			return function.Outcome{Result: function.Pass, Evidence: simulated}
		},
		ClearTPM:  func(context.Context) tpm.Outcome { return clearTPM(l.machine(n).TPM) },
		ResumeTPM: func(context.Context, tpm.Note) tpm.Outcome { return clearTPM(l.machine(n).TPM) },
		Now:       time.Now,
		Uptime:    func() time.Duration { return time.Since(began) },
		Marker:    filepath.Join(dir, fmt.Sprintf("begun-%d", n+1)),
		Linger:    linger,
	}
	if l.base != nil {
		w.ClearPlatform = l.base.clear
		w.Suspend = func(context.Context, platform.Machine) error {
			for _, m := range in.models {
				m.PowerCycle()
			}
			return nil
		}
	}
	return w, nil
}

// ours are the settings of this bench: the form is filled in but for the tag, which is
// on the machine.
func ours(n, of int) settings.Settings {
	s := settings.Default()
	s.Stick, s.Bench = stickName, fmt.Sprintf("Practice %d of %d", n+1, of)
	s.Organisation, s.Place = "Practice", "practice bench"
	s.Intake = settings.Intake{Operator: "trainee", Source: "desk", Classification: "official", DIAL: 1}
	return s
}

const simulated = "simulated for practice"

// clearTPM of a machine that is not there.
func clearTPM(t inspect.TPM) tpm.Outcome {
	switch {
	case !t.Present.Known:
		return tpm.Outcome{Result: tpm.Unknown, How: simulated, What: "Nobody knows whether the machine has a TPM (" + simulated + ")."}
	case !t.Present.Value:
		return tpm.Outcome{Result: tpm.NotPresent, How: simulated, What: "The machine has no TPM (" + simulated + ")."}
	}
	return tpm.Outcome{Result: tpm.Cleared, SRKChanged: inspect.Known(true, simulated), EKKept: inspect.Known(true, simulated),
		How: simulated, What: "The TPM was cleared (" + simulated + ")."}
}

// testTime is how long a test of a machine that is not there takes.
const testTime = 8 * time.Second

// pretend that a test passes: nothing of this computer is tested.
func pretend(ctx context.Context, _ function.Job, tell func(float64)) function.Outcome {
	const steps = 20
	for i := range steps {
		tell(float64(i) / steps)
		select {
		case <-ctx.Done():
			return function.Outcome{Evidence: "the visit ended before the test did"}
		case <-time.After(testTime / steps):
		}
	}
	tell(1)
	return function.Outcome{Result: function.Pass, Evidence: simulated}
}
