package technique

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"handback.example/inspect/drive"
	"handback.example/inspect/drive/mmc"
	"handback.example/wipe"
	"handback.example/wipe/internal/frame"
	"handback.example/wipe/journal"
	"handback.example/wipe/verify"
)

// mmcErase has an eMMC erase every area that can be erased (user, boot and general
// purpose), either by secure erase, or by erase and then a sanitize, which removes from
// the flash what is unlinked (JESD84-B51 clauses 6.6.9 to 6.6.12).
//
// A card tells what went wrong while it was busy in the answer to the next command, and
// Linux asks that by itself and keeps it. So nothing here rests on the answers alone:
// before, every protection is asked for, for what is protected is left out; afterwards,
// the card's state, and the blocks of all areas are read back. A power cut leaves no
// trace of what ran: all of it is done again. RPMB is out of reach.
type mmcErase struct {
	firmware
	card   mmc.ExtCSD
	others []*mmcArea // areas beside the user's, in the order of their numbers
}

func newMMCErase(d *Drive) *mmcErase { return &mmcErase{firmware: firmware{d: d}} }

func (m *mmcErase) sanitizes() bool { return m.d.Step.Technique == wipe.MMCSanitize }

// Limits of the time that a card is given for one command. By EXT_CSD a secure erase of
// a whole card may take days; cards need minutes.
const (
	mmcLeast    = time.Minute
	mmcMost     = time.Hour
	mmcSanitize = time.Hour
)

// mmcAddress is the relative address that the host gave the card: Linux always this.
const mmcAddress = 1

// Prepare reads what the card can do and what of it is protected, and the blocks that
// will be looked for.
func (m *mmcErase) Prepare(ctx context.Context) error {
	if err := m.ask(ctx); err != nil {
		return err
	}
	if err := m.unprotected(ctx); err != nil {
		return err
	}
	if err := m.prepare(ctx); err != nil {
		return err
	}
	m.others = mmcAreas(m.card)
	for _, a := range m.others {
		if err := a.before(ctx, m.d); err != nil {
			return fmt.Errorf("%s: %w", a.name, err)
		}
	}
	return nil
}

func (m *mmcErase) ask(ctx context.Context) error {
	x, err := m.d.extCSD(ctx)
	switch {
	case err != nil:
		return err
	case x.Size() != m.d.Plan.Geometry.Size:
		return fmt.Errorf("the card has %d bytes, and %d were planned for", x.Size(), m.d.Plan.Geometry.Size)
	case x.Access != 0:
		return fmt.Errorf("the card's area %d is accessed, not the user's", x.Access)
	case m.sanitizes() && !x.Sanitize:
		return errors.New("the card has no sanitize")
	case !m.sanitizes() && !x.SecureErase:
		return errors.New("the card has no secure erase")
	}
	m.card = x
	return nil
}

func (d *Drive) extCSD(ctx context.Context) (mmc.ExtCSD, error) {
	c := mmc.SendExtCSD()
	if _, err := d.Target.Do(ctx, c); err != nil {
		return mmc.ExtCSD{}, fmt.Errorf("the card does not say what it can do: %w", err)
	}
	return mmc.ParseExtCSD(c.Data)
}

// unprotected: nothing of the card is known to be left out by an erase, and all that
// can be asked was asked.
func (m *mmcErase) unprotected(ctx context.Context) error {
	for i, p := range m.card.BootProtection {
		if m.card.BootSize > 0 && p != mmc.ProtectionNone {
			return fmt.Errorf("its boot area %d is write-protected (%s) and would not be erased", i+1, p)
		}
	}
	p, err := mmc.UserProtection(ctx, m.d.Target, m.card)
	if err == nil && p != mmc.ProtectionNone {
		err = fmt.Errorf("a part of its user area is write-protected (%s) and would not be erased", p)
	}
	return err
}

// CanStop: a part of an erasure is none.
func (m *mmcErase) CanStop() bool { return false }

// Erase erases all areas, and sanitizes where that is what is asked for.
func (m *mmcErase) Erase(ctx context.Context) Report {
	ctx = context.WithoutCancel(ctx)
	err := m.before(ctx)
	if err == nil {
		err = m.issue(ctx, nil)
	}
	if err != nil {
		return m.report(Report{Err: err})
	}
	r := Report{Sent: true}
	if m.d.Past.Last(journal.StepIssue) != nil {
		r.Resumed = "A card leaves no trace of an erasure that was cut off: all of it was done again."
	}
	if r.Err = m.run(ctx, &r); r.Err == nil {
		r.Complete = true
	}
	return m.report(r)
}

func (m *mmcErase) run(ctx context.Context, r *Report) error {
	m.d.Meter.Expect(m.d.Plan.Geometry.Size)
	for _, a := range m.others {
		if err := m.erase(ctx, a.area(m.card), a.sectors, "erase of "+a.name, r); err != nil {
			return err
		}
	}
	if err := m.erase(ctx, frame.MMCArea{Config: m.card.PartitionConfig}, int64(m.card.Sectors), "erase of the user area", r); err != nil {
		return err
	}
	if m.sanitizes() {
		if err := m.send(ctx, "sanitize", frame.MMCSanitize(mmcSanitize), r); err != nil {
			return err
		}
	}
	// The card must be in the user's area, as it was, and as big as it was.
	x, err := m.d.extCSD(ctx)
	if err == nil && (x.Access != 0 || x.Sectors != m.card.Sectors) {
		err = fmt.Errorf("the card now has %d sectors in area %d", x.Sectors, x.Access)
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnanswered, err)
	}
	return nil
}

// mmcParts is in how many parts the user area is erased: between two of them the
// screen gets to know.
const mmcParts = 16

// erase an area in parts that begin with whole groups.
func (m *mmcErase) erase(ctx context.Context, a frame.MMCArea, sectors int64, what string, r *Report) error {
	part := sectors
	if a.Number == 0 {
		part = max((sectors+mmcParts-1)/mmcParts, 1)
	}
	group := max(m.card.EraseGroup/512, 1)
	part = (part + group - 1) / group * group
	for from := int64(0); from < sectors; from += part {
		to := min(from+part, sectors) - 1
		if m.card.SectorSize > 512 {
			to -= to % int64(m.card.SectorSize/512)
		}
		c, err := frame.MMCErase(a, m.card.Address(uint32(from)), m.card.Address(uint32(to)), !m.sanitizes(), m.patience((to-from)/group+1))
		if err != nil {
			return err
		}
		if err := m.send(ctx, what, c, r); err != nil {
			if a.Number != 0 {
				_, _ = m.d.Target.Do(ctx, frame.MMCLeave(a)) // whoever comes next expects the user's area
			}
			return err
		}
		if a.Number == 0 {
			m.d.Meter.Add((to + 1 - from) * 512)
		}
	}
	return nil
}

// patience with the erasure of so many groups.
func (m *mmcErase) patience(groups int64) time.Duration {
	each := m.card.EraseTime
	if !m.sanitizes() {
		each = m.card.SecureEraseTime
	}
	if each <= 0 || groups > int64(mmcMost/each) {
		return mmcMost
	}
	return max(mmcLeast, time.Duration(groups)*each)
}

// send a sequence, and ask for the card's state after it.
func (m *mmcErase) send(ctx context.Context, what string, c drive.Command, r *Report) error {
	began, over := m.d.clock().Now(), m.d.Meter.Quiet(c.Timeout)
	done, err := m.d.Target.Do(ctx, c)
	over()
	t := trace("eMMC "+what, c, done, err, m.d.clock().Now().Sub(began))
	if err == nil {
		var state drive.Completion
		state, err = m.d.Target.Do(ctx, mmc.SendStatus(mmcAddress))
		if s := mmc.Status(state.Result); err == nil && !s.Idle() {
			err = fmt.Errorf("the card is not ready after it: %s", s)
		}
		t.Status += hex.EncodeToString(state.Sense)
		if err != nil {
			t.Error = err.Error()
		}
	}
	r.Commands = append(r.Commands, t)
	var status *drive.StatusError
	switch {
	case err == nil, errors.As(err, &status): // the card's own word
		return err
	}
	return fmt.Errorf("%w: %w", ErrUnanswered, err)
}

// Verify looks for what stood in the user area, and in the others.
func (m *mmcErase) Verify(ctx context.Context) (wipe.Verification, error) {
	v, err := m.after(ctx)
	if err != nil {
		return v, err
	}
	for _, a := range m.others {
		found, err := a.after(ctx, m.d)
		v.BytesRead += found.read * 512
		v.Compared += found.read
		v.Survivors += found.survivors
		if v.Result == verify.Passed || found.survivors > 0 {
			v.Counted += found.counted
		}
		if found.survivors > 0 {
			v.Result = verify.Failed
		}
		if err != nil {
			v.Result = verify.NotDone
			return v, fmt.Errorf("%s: %w", a.name, err)
		}
	}
	if len(m.others) > 0 {
		v.Method += "; of boot and general-purpose areas too"
	}
	return v, nil
}

// Grade of a firmware erasure.
func (m *mmcErase) Grade(v wipe.Verification) wipe.EvidenceGrade { return m.grade(v) }
