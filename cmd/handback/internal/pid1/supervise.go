package pid1

import (
	"io"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// appliance is what PID 1 holds together.
type appliance struct {
	log      *journal
	children *nursery
	console  *console

	mu     sync.Mutex
	pids   map[string]int // of the screens that run
	ending bool           // no screen is started any more
	ended  sync.WaitGroup
}

// logPipe gives the end that a process writes to; what it writes is logged until
// the last writer is gone.
func (a *appliance) logPipe(who string, may func(event string) bool) (*os.File, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	go func() {
		defer r.Close()
		a.log.follow(r, who, may)
	}()
	return w, nil
}

// runScreen keeps one screen alive until the appliance ends.
func (a *appliance) runScreen(tty, term string) {
	defer a.ended.Done()
	var b backoff
	for !a.isEnding() {
		start := time.Now()
		how, code := a.oneScreen(tty, term)
		if a.isEnding() {
			return
		}
		pause := b.died(time.Since(start))
		a.log.event("screen-died", "tty", tty, "how", how, "code", code, "again", pause)
		time.Sleep(pause)
	}
}

func (a *appliance) oneScreen(tty, term string) (how string, code int) {
	log, err := a.logPipe("screen "+tty, func(event string) bool { return event == FirstFrameEvent })
	if err != nil {
		return err.Error(), -1
	}
	if tty == TTYConsole {
		a.console.prepare()
	}
	pid, end, err := startScreen(a.children, tty, term, log)
	_ = log.Close()
	if err != nil {
		return err.Error(), -1
	}
	a.mu.Lock()
	a.pids[tty] = pid
	if a.ending {
		_ = unix.Kill(pid, unix.SIGTERM)
	}
	a.mu.Unlock()
	status := <-end
	a.mu.Lock()
	delete(a.pids, tty)
	a.mu.Unlock()
	return describeEnd(status)
}

func (a *appliance) isEnding() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.ending
}

// screenEnd is how long a screen may take to end by itself.
const screenEnd = time.Second

// endScreens ends them all and starts none again.
func (a *appliance) endScreens() {
	a.signalScreens(unix.SIGTERM)
	gone := make(chan struct{})
	go func() { a.ended.Wait(); close(gone) }()
	select {
	case <-gone:
	case <-time.After(screenEnd):
		a.signalScreens(unix.SIGKILL)
	}
}

func (a *appliance) signalScreens(s unix.Signal) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.ending = true
	for _, pid := range a.pids {
		_ = unix.Kill(pid, s) // one that is gone already is what is wanted
	}
}

// runEngine keeps the engine alive until it asks for the power to go, or dies too
// often. It gives the exit code that it asked with, or -1.
func (a *appliance) runEngine() int {
	var b backoff
	for {
		start := time.Now()
		how, code := a.oneEngine()
		if how == "exit" && (code == ExitPowerOff || code == ExitReboot) {
			return code
		}
		pause := b.died(time.Since(start))
		a.log.event("engine-died", "how", how, "code", code, "deaths", b.deaths)
		if b.deaths >= engineDeaths {
			return -1
		}
		time.Sleep(pause)
	}
}

func (a *appliance) oneEngine() (how string, code int) {
	log, err := a.logPipe("engine", func(string) bool { return true })
	if err != nil {
		return err.Error(), -1
	}
	null, err := os.Open(os.DevNull)
	if err != nil {
		_ = log.Close()
		return err.Error(), -1
	}
	pid, end, err := a.children.start(func() (*os.Process, error) {
		return os.StartProcess(program, []string{"handback", EngineCommand}, &os.ProcAttr{
			Dir: "/", Env: []string{"PATH=/", "HOME=/", "LANG=C.UTF-8"}, Files: []*os.File{null, log, log}})
	})
	for _, c := range []io.Closer{log, null} {
		_ = c.Close()
	}
	if err != nil {
		return err.Error(), -1
	}
	setOOM(pid, "-500")
	defer a.console.text()
	return describeEnd(<-end)
}
