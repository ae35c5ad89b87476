package bench

import (
	"context"
	"errors"
	"io/fs"

	"handback.example/cmd/handback/internal/eventlog"
	"handback.example/cmd/internal/settings"
)

// stop ends what can be stopped.
func (e *Engine) stop() error {
	e.mu.Lock()
	fleet := e.fleet
	e.stopped = e.stopped || fleet != nil
	e.mu.Unlock()
	if fleet == nil {
		return errLater
	}
	e.say("stopping", "stopped by "+e.who)
	fleet.Stop()
	e.keepStop()
	return nil
}

// stopName is where a stop is kept: the records do not tell it where every drive was
// past stopping.
func (e *Engine) stopName() string { return settings.JournalDir + "/" + e.book.Visit() + "-stopped" }

// keepStop for the next start, which must not clear what this one leaves alone.
func (e *Engine) keepStop() {
	ctx, cancel := context.WithTimeout(e.ctx, stickWait)
	defer cancel()
	if err := e.station.Store.Write(ctx, e.stopName(), []byte("stopped\n")); err != nil {
		eventlog.Event("stop-not-kept", "why", err)
	}
}

// stoppedBefore: an earlier start of this visit was stopped, or it can't be found out.
func (e *Engine) stoppedBefore(ctx context.Context) bool {
	_, err := e.station.Store.Read(ctx, e.stopName())
	return !errors.Is(err, fs.ErrNotExist)
}
