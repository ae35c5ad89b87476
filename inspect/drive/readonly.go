package drive

import (
	"context"
	"fmt"
)

// ReadOnly lets through only commands that are known to change nothing, and
// refuses every other with an error that wraps ErrRefused, unsent. It is the
// only fence there is: root can send a destructive command through a descriptor
// that was opened to read. It is an allow-list, and it reads the very bytes that
// are sent: opcode and sub-function, through ATA PASS-THROUGH (12, 16, 32).
//
// Sources: SPC-5 and SBC-4 (opcodes, service actions), SAT-4 clause 12
// (pass-through), ACS-4 clause 7 (ATA), NVM Express Base 2.0 clause 5, JESD84-B51
// clause 6.10 (eMMC).
func ReadOnly(t Transport) Transport { return fence{t, refusal} }

// fence sends a command on where nothing refuses it.
type fence struct {
	next    Transport
	refusal func(Command) string
}

func (f fence) Do(ctx context.Context, c Command) (Completion, error) {
	if why := f.refusal(c); why != "" {
		return Completion{}, fmt.Errorf("%s: %w", why, ErrRefused)
	}
	return f.next.Do(ctx, c)
}

// refusal says why a command may not pass, or nothing where it may.
func refusal(c Command) string {
	if c.Direction == DirectionOut {
		return "a command that sends data to the drive"
	}
	switch c.Protocol {
	case ProtocolSCSI:
		return refusalSCSI(c.Frame)
	case ProtocolNVMe:
		return refusalNVMe(c.Frame)
	case ProtocolMMC:
		return refusalMMC(c.Frame, len(c.Data))
	}
	return fmt.Sprintf("a command of protocol %d", c.Protocol)
}
