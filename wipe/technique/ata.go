package technique

import (
	"context"
	"errors"
	"fmt"
	"time"

	"handback.example/inspect/drive"
	"handback.example/inspect/drive/ata"
	"handback.example/inspect/drive/scsi"
	"handback.example/wipe"
	"handback.example/wipe/internal/frame"
)

// Why a drive does not let itself be erased by its own commands. Each is answered by
// something that a person, or the job, does.
var (
	// ErrFrozen: the firmware of the machine has frozen it until its next power cycle.
	ErrFrozen = errors.New("the machine's firmware has frozen it: suspend the machine once and wake it, or take the drive's power away for a moment")
	// ErrLocked: it is locked with a password that is not ours.
	ErrLocked = errors.New("it is locked with a password that is not ours")
	// ErrPowerCycle: what must be done next the drive does only after it was switched
	// off and on.
	ErrPowerCycle = errors.New("it must be switched off and on first")
)

// TemporaryPassword is what an ATA drive is locked with while it erases itself; see
// frame.TemporaryPassword for why it is no secret.
const TemporaryPassword = frame.TemporaryPassword

// ataAttentions is how often in a row a drive may say that it was reset, as Linux
// allows it.
const ataAttentions = 5

// ataAsk sends a command that may be sent twice. 'Unit attention' tells of a reset
// before the command, which was not carried out then: it is sent again. reset says
// that there was one.
func ataAsk(ctx context.Context, t drive.Transport, c drive.Command) (done drive.Completion, reset bool, err error) {
	for range ataAttentions {
		done, err = t.Do(ctx, c)
		if !attention(err) {
			return done, reset, err
		}
		reset = true
	}
	return done, reset, err
}

// attention: the drive tells of a reset or a power cycle, and did nothing else.
func attention(err error) bool {
	var status *drive.StatusError
	if !errors.As(err, &status) || status.Protocol != drive.ProtocolSCSI {
		return false
	}
	s, ok := scsi.ParseSense(status.Sense)
	return ok && s.Key == 0x6
}

// ataIdentify asks the drive what it is now.
func ataIdentify(ctx context.Context, t drive.Transport) (id ata.Identify, reset bool, err error) {
	c := ata.IdentifyDevice()
	done, reset, err := ataAsk(ctx, t, c)
	switch {
	case err != nil:
		return id, reset, fmt.Errorf("the drive does not say what it is: %w", err)
	case done.Residual > 0:
		return id, reset, fmt.Errorf("its IDENTIFY DEVICE data is %d bytes short", done.Residual)
	}
	id, err = ata.ParseIdentify(c.Data)
	return id, reset, err
}

// ataSense is the sense data of an answer, be it good or bad; an error means that no
// answer came.
func ataSense(done drive.Completion, err error) ([]byte, error) {
	var status *drive.StatusError
	switch {
	case err == nil:
		return done.Sense, nil
	case errors.As(err, &status):
		return status.Sense, nil
	}
	return nil, err
}

// ataAborted: the drive itself did not take the command. Linux leaves out the
// registers then, where it gives sense data of fixed format.
func ataAborted(err error) bool {
	var status *drive.StatusError
	if !errors.As(err, &status) {
		return false
	}
	s, ok := scsi.ParseSense(status.Sense)
	return ok && (s.Key == 0xb || s.Key == 0x5)
}

// ataAnswered: the drive itself says that the command failed. Sense data that was
// lost, or that tells of a reset, says nothing of the command.
func ataAnswered(err error) bool {
	var status *drive.StatusError
	if !errors.As(err, &status) {
		return false
	}
	s, ok := scsi.ParseSense(status.Sense)
	return ok && (s.Key == 0x3 || s.Key == 0x4 || s.Key == 0x5 || s.Key == 0xb)
}

// ataSent keeps what was sent to a drive and changed it.
type ataSent struct {
	drive    *Drive
	commands []wipe.CommandTrace
	sent     bool // one of them may have reached the drive
}

// send a command that changes something, once, whatever the caller's patience: its
// answer is always waited for.
func (s *ataSent) send(operation string, c drive.Command) (drive.Completion, error) {
	over := s.drive.Meter.Quiet(c.Timeout)
	began := s.drive.clock().Now()
	done, err := s.drive.Target.Do(context.Background(), c)
	over()
	s.sent = s.sent || !errors.Is(err, drive.ErrRefused)
	s.commands = append(s.commands, trace(operation, c, done, err, s.drive.clock().Now().Sub(began)))
	return done, err
}

// sendAgain sends it a second time where the drive was reset before it came.
func (s *ataSent) sendAgain(operation string, c drive.Command) (drive.Completion, error) {
	done, err := s.send(operation, c)
	if attention(err) {
		done, err = s.send(operation, c)
	}
	return done, err
}

// ataErasure is what both families of ATA techniques have in common: the drive must
// be the same one, and of the same size, by its own answer before and after.
type ataErasure struct {
	firmware
	ataSent
	id ata.Identify // before anything was sent
}

func newATAErasure(d *Drive) ataErasure {
	return ataErasure{firmware: firmware{d: d}, ataSent: ataSent{drive: d}}
}

// identify for the first time.
func (c *ataErasure) identify(ctx context.Context) error {
	id, _, err := ataIdentify(ctx, c.d.Target)
	if err != nil {
		return err
	}
	c.id = id
	if n := id.Bytes(); n != c.d.Plan.Geometry.Size {
		return fmt.Errorf("the drive has %d bytes by its own word, and %d were planned for", n, c.d.Plan.Geometry.Size)
	}
	return nil
}

// unchanged: it is the same drive as before, of the same size.
func (c *ataErasure) unchanged(id ata.Identify) error {
	if id.Serial != c.id.Serial || id.Model != c.id.Model || id.WWN != c.id.WWN || id.Sectors != c.id.Sectors || id.LogicalSector != c.id.LogicalSector {
		return fmt.Errorf("%w: %s, serial %q, %d bytes, where %s, serial %q, had %d", ErrOther,
			id.Model, id.Serial, id.Bytes(), c.id.Model, c.id.Serial, c.id.Bytes())
	}
	return nil
}

// CanStop: once sent, the erasure runs to its end.
func (c *ataErasure) CanStop() bool { return false }

// Verify opens the drive again and looks for what stood there.
func (c *ataErasure) Verify(ctx context.Context) (wipe.Verification, error) { return c.after(ctx) }

// Grade of a firmware erasure.
func (c *ataErasure) Grade(v wipe.Verification) wipe.EvidenceGrade { return c.grade(v) }

// ataState is what IDENTIFY word 128 says of a drive's security.
func ataState(id ata.Identify) (enabled, locked, frozen, expired bool) {
	w := id.Security
	return w&ata.SecurityEnabled != 0, w&ata.SecurityLocked != 0, w&ata.SecurityFrozen != 0, w&ata.SecurityExpired != 0
}

// ataPause between questions to a drive that does not answer.
const ataPause = 5 * time.Second
