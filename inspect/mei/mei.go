// Package mei asks the management engine of an Intel machine whether its Active
// Management Technology (AMT) was provisioned: then somebody may still reach the
// machine over the network, whatever was erased on its drives.
//
// It asks that one question and changes nothing. Request and answer are those of
// Intel's own open client (github.com/open-amt-cloud-toolkit/rpc-go,
// pkg/pthi and pkg/heci), the connection is Linux's (Documentation/driver-api/mei).
package mei

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
)

// Mode of control of AMT. Its zero value is unknown.
type Mode uint8

const (
	Unknown       Mode = iota
	Unprovisioned      // nobody has taken control
	ClientControl      // provisioned by software on the machine
	AdminControl       // provisioned by an administrator
)

// Channel to a client of the management engine: one message there, one back.
type Channel interface {
	Exchange(request []byte) (answer []byte, err error)
}

// ErrNoAMT: the management engine is there, and AMT is not part of it.
var ErrNoAMT = errors.New("the management engine has no AMT")

// ErrNoDevice: the kernel shows no management engine.
var ErrNoDevice = errors.New("the kernel shows no management engine")

// getControlMode is CFG_GET_CONTROL_MODE: version 1.1, two bytes reserved, command
// 0400006Bh, no data.
var getControlMode = []byte{0x01, 0x01, 0x00, 0x00, 0x6b, 0x00, 0x00, 0x04, 0x00, 0x00, 0x00, 0x00}

// getControlModeAnswer is the command of the answer, 0480006Bh.
const getControlModeAnswer = 0x0480006b

// ControlMode asks AMT who controls it.
func ControlMode(c Channel) (Mode, error) {
	answer, err := c.Exchange(bytes.Clone(getControlMode))
	if err != nil {
		return Unknown, err
	}
	return parseControlMode(answer)
}

// parseControlMode: after the header of 12 bytes stand a status and the mode, each
// of four bytes.
func parseControlMode(b []byte) (Mode, error) {
	if len(b) < 16 || binary.LittleEndian.Uint32(b[4:]) != getControlModeAnswer {
		return Unknown, fmt.Errorf("the management engine gives no answer to what it was asked (% x)", b[:min(len(b), 24)])
	}
	if status := binary.LittleEndian.Uint32(b[12:]); status != 0 {
		return Unknown, fmt.Errorf("AMT answers with status %d", status)
	}
	if len(b) < 20 || binary.LittleEndian.Uint32(b[8:]) < 8 {
		return Unknown, errors.New("the answer of AMT is cut short")
	}
	switch mode := binary.LittleEndian.Uint32(b[16:]); mode {
	case 0:
		return Unprovisioned, nil
	case 1:
		return ClientControl, nil
	case 2:
		return AdminControl, nil
	default:
		return Unknown, fmt.Errorf("AMT gives control mode %d, which has no meaning", mode)
	}
}
