package technique

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"time"

	"handback.example/inspect/drive"
	"handback.example/inspect/drive/nvme"
	"handback.example/wipe"
	"handback.example/wipe/internal/frame"
	"handback.example/wipe/journal"
)

// sanitizeTimeout: the command only starts the operation, but some drives think about
// it. When it runs out the kernel resets the controller, which ends no sanitize.
const sanitizeTimeout = 2 * time.Minute

// logGrace is how long a log may lag behind the command that it tells of, and
// lostGrace how long a controller may be gone: resets, and a kernel that connects anew.
const (
	logGrace  = 10 * time.Second
	lostGrace = 10 * time.Minute
)

// Statuses that have to do with a sanitize (Base 2.0, figure 94).
const statusSanitizing = 0x1d

// Data of a sanitize's StepIssue mark: the command, and what log 81h said before.
const (
	markCDW10 = "cdw10" // hex
	markSQE   = "sqe"   // hex
	markState = "sstat" // SSTAT 2:0 before
	markOld   = "scdw10"
	markClean = "untouched" // Global Data Erased, before
)

// nvmeMethod of a sanitize.
type nvmeMethod struct {
	bit      uint32 // in SANICAP
	strength int    // a failed one is tried again by one that is no weaker
	build    func() (drive.Command, error)
}

// nvmeMethods. No-Deallocate is never asked for: with it a block erase may leave cells
// that can't be read until they are written, and most hosts never ask for it, so that
// it is what drives were tried with least. What a read-back of deallocated blocks is
// worth, the canaries' sentence says.
var nvmeMethods = map[wipe.TechniqueID]nvmeMethod{
	wipe.NVMeSanitizeCrypto: {nvme.SanicapCrypto, 1, func() (drive.Command, error) {
		return frame.SanitizeCrypto(false, sanitizeTimeout), nil
	}},
	wipe.NVMeSanitizeBlock: {nvme.SanicapBlock, 2, func() (drive.Command, error) {
		return frame.SanitizeBlock(false, sanitizeTimeout), nil
	}},
	wipe.NVMeSanitizeOverwrite: {nvme.SanicapOverwrite, 3, func() (drive.Command, error) {
		return frame.SanitizeOverwrite(frame.Overwrite{Passes: 1}, false, sanitizeTimeout)
	}},
}

// ofAction is the strength of a sanitize that was begun with this CDW10; 0: of none.
func ofAction(cdw10 uint32) int {
	return map[uint32]int{nvme.ActionCrypto: 1, nvme.ActionBlock: 2, nvme.ActionOverwrite: 3}[cdw10&7]
}

// nvmeSanitize has an NVMe drive sanitize itself: Sanitize, opcode 84h (Base 2.0,
// clauses 5.24 and 8.21), restricted, so that a drive that fails stays failed. It
// goes for all namespaces of the subsystem, attached or not, and for all media that
// belong to none; not for boot partitions and replay protected memory.
type nvmeSanitize struct {
	firmware
	nvmeMethod
	command drive.Command
	cdw10   uint32
	party   *party

	was    nvme.Sanitize // before the command
	adopt  bool          // an earlier start sent the command, and log 81h tells of it
	failed bool          // an earlier sanitize has: nothing else is answered before one succeeds

	began    time.Time // of the wait
	lost     time.Time // since when nothing answers; zero: it does
	seen     bool      // it was seen running, or its log has changed with it
	last     nvme.Sanitize
	commands []wipe.CommandTrace
}

func newNVMeSanitize(d *Drive) (Technique, error) {
	m := nvmeMethods[d.Step.Technique]
	c, err := m.build()
	if err != nil {
		return nil, err
	}
	s := &nvmeSanitize{firmware: firmware{d: d}, nvmeMethod: m, command: c, cdw10: nvme.CDW10(c)}
	s.party, err = d.party()
	return s, err
}

// Prepare asks what the drive can, what the command would reach, and whether a
// sanitize runs or has failed, and reads blocks to be looked for.
func (s *nvmeSanitize) Prepare(ctx context.Context) error {
	s.d.Meter.Enter(wipe.PhaseSampling, true)
	c, err := s.d.controller(ctx)
	if err != nil {
		return err
	}
	if c.SANICAP&s.bit == 0 {
		return fmt.Errorf("the controller does not offer this sanitize (SANICAP %08xh)", c.SANICAP)
	}
	if err := s.d.reach(ctx, c); err != nil {
		return err
	}
	if _, err := s.d.namespace(ctx); err != nil {
		return err
	}
	if s.was, _, err = s.d.sanitizeLog(ctx); err != nil {
		return err
	}
	if s.begun(s.was) {
		s.adopt = true
		s.recall()
		return nil
	}
	if s.was, err = s.d.atRest(ctx); err != nil {
		return err
	}
	return s.ready(ctx, c)
}

// ready looks at what the most recent sanitize has left.
func (s *nvmeSanitize) ready(ctx context.Context, c nvme.Controller) error {
	switch {
	case s.was.State > nvme.SanitizeDeallocated:
		return fmt.Errorf("the drive waits for a verification of its media that somebody asked for (SSTAT %d)", s.was.State)
	case s.was.State != nvme.SanitizeFailed:
		return s.prepare(ctx)
	}
	s.failed = true
	for _, m := range nvmeMethods {
		before := ofAction(s.was.CDW10)
		if s.strength < before && m.strength >= before && c.SANICAP&m.bit != 0 {
			return fmt.Errorf("an earlier sanitize has failed (CDW10 %08xh), and this one is weaker", s.was.CDW10)
		}
	}
	return nil // nothing can be read or written before a sanitize succeeds
}

// begun: the command of an earlier start runs in the drive, or has ended there. An
// end is believed only where the log has changed since before that command, and
// nothing was written since.
func (s *nvmeSanitize) begun(l nvme.Sanitize) bool {
	m := s.d.Past.Last(journal.StepIssue)
	if m == nil || m.Data[markCDW10] != hex32(s.cdw10) || l.CDW10 != s.cdw10 {
		return false
	}
	state, err := strconv.ParseUint(m.Data[markState], 10, 3)
	old, bad := strconv.ParseUint(m.Data[markOld], 16, 32)
	if err != nil || bad != nil {
		return false
	}
	before := nvme.Sanitize{State: nvme.SanitizeState(state), CDW10: uint32(old), Untouched: m.Data[markClean] == "true"}
	return l.State == nvme.SanitizeRunning || l.State.Succeeded() && l.Untouched && changed(before, l)
}

// changed: the log tells of another sanitize than before, or of user data that were
// erased since.
func changed(before, now nvme.Sanitize) bool {
	return before.State.Succeeded() != now.State.Succeeded() || before.CDW10 != now.CDW10 || !before.Untouched && now.Untouched
}

// CanStop: a sanitize can't be ended, not even by taking the power away.
func (s *nvmeSanitize) CanStop() bool { return false }

// Erase sends Sanitize, or adopts the one that runs, and waits for its end.
func (s *nvmeSanitize) Erase(ctx context.Context) Report {
	r := Report{Sent: s.adopt}
	var err error
	if s.adopt {
		s.d.running()
		r.Resumed = "the drive's own sanitize, which an earlier start began, was waited for"
		s.commands = []wipe.CommandTrace{{Operation: "Sanitize", Frame: s.d.Past.Last(journal.StepIssue).Data[markSQE],
			Error: "sent by an earlier start, which has not kept the answer; log 81h tells of the command"}}
		s.seen = true
	} else {
		err = s.begin(ctx)
		r.Sent = len(s.commands) > 0
	}
	if err == nil {
		err = s.wait(ctx)
	}
	r.Commands, r.Err, r.Complete = s.commands, err, err == nil
	return s.report(r)
}

// begin plants the canaries and sends the command, once for all namespaces of the
// controller.
func (s *nvmeSanitize) begin(ctx context.Context) error {
	if err := s.party.meet(ctx, "ready"); err != nil {
		return err
	}
	if !s.failed {
		if err := s.before(ctx); err != nil {
			return err
		}
	}
	var err error
	if s.was, _, err = s.d.sanitizeLog(ctx); err != nil {
		return err
	}
	if s.was.State == nvme.SanitizeRunning {
		return errors.New("a sanitize that was not begun here runs in the drive")
	}
	if err := s.issue(ctx, map[string]string{markCDW10: hex32(s.cdw10), markSQE: hex.EncodeToString(s.command.Frame),
		markState: strconv.Itoa(int(s.was.State)), markOld: hex32(s.was.CDW10), markClean: strconv.FormatBool(s.was.Untouched)}); err != nil {
		return err
	}
	if err := s.party.meet(ctx, "planted"); err != nil {
		return err
	}
	s.commands, err = s.party.once(ctx, func() ([]wipe.CommandTrace, error) { return s.send(ctx) })
	return err
}

// send the command. Where another sanitize came in between, that is waited for, once.
func (s *nvmeSanitize) send(ctx context.Context) (all []wipe.CommandTrace, err error) {
	for try := 0; ; try++ {
		began := s.d.clock().Now()
		over := s.d.Meter.Quiet(sanitizeTimeout)
		done, err := s.d.Target.Do(context.WithoutCancel(ctx), s.command)
		over()
		if errors.Is(err, drive.ErrRefused) {
			return all, err // it was not sent
		}
		all = append(all, trace("Sanitize", s.command, done, err, s.d.clock().Now().Sub(began)))
		var status *drive.StatusError
		switch {
		case err == nil:
			return all, nil
		case !errors.As(err, &status):
			return all, s.unanswered(ctx, err)
		case status.Status != statusSanitizing || try > 0:
			return all, err
		}
		if _, err := s.d.atRest(ctx); err != nil {
			return all, err
		}
	}
}

// unanswered: the controller was reset or lost, and what became of the command stands
// in the log, or nobody knows it.
func (s *nvmeSanitize) unanswered(ctx context.Context, lost error) error {
	err := s.d.poll(ctx, patience{every: time.Second, still: lostGrace, whole: lostGrace}, func(ctx context.Context) (progress, error) {
		l, _, err := s.d.sanitizeLog(ctx)
		if err == nil && l.CDW10 == s.cdw10 && l.State != nvme.SanitizeNever && (l.State != s.was.State || changed(s.was, l)) {
			return progress{done: true}, nil
		}
		if err == nil {
			return progress{}, fmt.Errorf("%w: %w; log 81h does not tell of it", ErrUnanswered, lost)
		}
		return progress{fraction: -1}, s.again(ctx, err)
	})
	if errors.Is(err, ErrStuck) {
		err = fmt.Errorf("%w: %w", ErrUnanswered, lost)
	}
	return err
}

// again opens the drive anew where its answer is lost; an answer that is a refusal is
// asked for once more. An error ends the wait.
func (s *nvmeSanitize) again(ctx context.Context, why error) error {
	now := s.d.clock().Now()
	if s.lost.IsZero() {
		s.lost = now
	}
	var status *drive.StatusError
	if !errors.As(why, &status) {
		err := s.d.Reopen(ctx)
		if errors.Is(err, ErrOther) || ctx.Err() != nil {
			return err
		}
	}
	if now.Sub(s.lost) >= lostGrace {
		return fmt.Errorf("%w: %w", ErrUnanswered, why)
	}
	return nil
}

// wait until log 81h tells of the end of this very sanitize.
func (s *nvmeSanitize) wait(ctx context.Context) error {
	s.began, s.lost = s.d.clock().Now(), time.Time{}
	err := s.d.poll(ctx, patienceWith(believed(s.was.Estimate(s.cdw10))), s.ask)
	return err
}

func (s *nvmeSanitize) ask(ctx context.Context) (progress, error) {
	l, raw, err := s.d.sanitizeLog(ctx)
	if err != nil {
		return progress{fraction: fraction(s.last)}, s.again(ctx, err)
	}
	s.last, s.lost = l, time.Time{}
	mine := l.CDW10 == s.cdw10
	s.seen = s.seen || mine && (l.State == nvme.SanitizeRunning || l.State != s.was.State || changed(s.was, l))
	late := s.d.clock().Now().Sub(s.began) >= logGrace
	switch {
	case mine && l.State == nvme.SanitizeRunning:
		return progress{fraction: fraction(l)}, nil
	case mine && l.State.Succeeded() && (s.seen || late):
		s.final(raw)
		return progress{done: true}, nil
	case mine && l.State == nvme.SanitizeFailed && (s.seen || late):
		s.final(raw)
		return progress{}, errors.New("the drive says that its sanitize has failed (log 81h, SSTAT 3)")
	case late:
		s.final(raw)
		return progress{}, fmt.Errorf("%w: the drive has taken the command, and log 81h tells of another (SSTAT %d, CDW10 %08xh)", ErrUnanswered, l.State, l.CDW10)
	}
	return progress{fraction: -1}, nil
}

// logHead is what the record keeps of log 81h: progress, status, the command's CDW10.
const logHead = 8

// final keeps the drive's last word, as evidence.
func (s *nvmeSanitize) final(raw []byte) {
	s.commands = append(s.commands, wipe.CommandTrace{Operation: "Get Log Page 81h (Sanitize Status), its first 8 bytes",
		Frame: hex.EncodeToString(nvme.SanitizeLog().Frame), Status: "0000" + hex.EncodeToString(raw[:logHead]),
		Duration: s.d.clock().Now().Sub(s.began)})
}

// Verify looks for what stood there before. A sanitize that nobody saw, by a log that
// reads as it did before, is shown by canaries alone.
func (s *nvmeSanitize) Verify(ctx context.Context) (wipe.Verification, error) {
	v, err := s.after(ctx)
	if err == nil && !s.seen && v.Canaries == 0 && v.Survivors == 0 && v.Unreadable == 0 {
		err = errors.New("its log reads as it did before the command, and there was nothing to look for: nothing shows that it ran")
	}
	return v, err
}

// Grade of a firmware erasure.
func (s *nvmeSanitize) Grade(v wipe.Verification) wipe.EvidenceGrade { return s.grade(v) }

func hex32(v uint32) string { return fmt.Sprintf("%08x", v) }
