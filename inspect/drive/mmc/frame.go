// Package mmc frames commands of the eMMC bus that destroy nothing and change
// nothing, and parses what they answer, after JEDEC JESD84-B51 (eMMC 5.1). The
// package does no input or output and never writes, erases or switches.
//
// # A frame
//
// A drive.Command of drive.ProtocolMMC carries a sequence of bus commands that goes
// to the card as one, with nothing of the kernel's in between (an erase sequence,
// CMD35, CMD36, CMD38, is broken by any other command): one entry of 12 bytes for
// each, in the order in which they are sent, 255 at most. Numbers are big-endian, as
// on the bus.
//
//	byte 0      command index, 0 to 63 (clause 6.10)
//	byte 1      response: 1 = R1, 2 = R1b (the card is busy behind it; clause 6.12)
//	bytes 2-3   zero
//	bytes 4-7   argument
//	bytes 8-9   length of a data block, bytes
//	bytes 10-11 number of data blocks
//
// Only the last entry may move data, whose length is bytes 8-9 times bytes 10-11:
// that of Command.Data, and 512 KiB at most (MMC_IOC_MAX_BYTES). All others have
// zero there. The time-out of the Command is that of each busy card.
//
// # An answer
//
// Completion.Sense holds the R1 of each command, four bytes each. Where one of them
// has an error bit (ErrorBits), Completion.Status is the number of that command,
// counted from 1, and Completion.Result is its R1; else Status is 0 and Result the
// last R1. An R1 tells of what the card knew when it answered: what goes wrong while
// it is busy afterwards, it tells in the next one. So after a command with R1b
// nothing is known to be done before SendStatus says so. A card does not answer an
// illegal command at all, which ends as no answer (drive.ErrNoAnswer).
//
// Linux makes it worse: after a command with R1b it asks for the status itself until
// the card is ready (mmc_poll_for_busy, MMC_BUSY_IO), which clears the error bits, and
// throws them away. Of an erase that left protected groups out, that was refused or
// that failed on the way, SendStatus then tells nothing: ask for the protection before
// (SendWriteProtType, ExtCSD.BootProtection) and look at the blocks afterwards. Only of
// CMD6 with EXT_CSD[165] (sanitize) it gives a switch error on, as no answer, and no
// other error.
package mmc

import (
	"encoding/binary"
	"fmt"
	"time"

	"handback.example/inspect/drive"
)

const (
	entrySize  = 12
	maxEntries = 255       // MMC_IOC_MAX_CMDS
	maxData    = 512 << 10 // MMC_IOC_MAX_BYTES
)

// Response that a command gets (clause 6.12). The zero Response is none of them.
type Response byte

// Responses of the commands that frames carry.
const (
	R1  Response = 1
	R1b Response = 2
)

// Entry is one bus command of a frame.
type Entry struct {
	Index             byte
	Response          Response
	Arg               uint32
	BlockSize, Blocks uint16
}

// Bytes of data that it moves.
func (e Entry) Bytes() int { return int(e.BlockSize) * int(e.Blocks) }

// Parse reads the entries of a command's frame, and refuses one that can't be sent
// as it stands.
func Parse(c drive.Command) ([]Entry, error) {
	f := c.Frame
	if c.Protocol != drive.ProtocolMMC || len(f) == 0 || len(f)%entrySize != 0 || len(f) > maxEntries*entrySize {
		return nil, fmt.Errorf("an MMC command of protocol %d and %d bytes", c.Protocol, len(f))
	}
	entries := make([]Entry, 0, len(f)/entrySize)
	for ; len(f) > 0; f = f[entrySize:] {
		e := Entry{Index: f[0], Response: Response(f[1]), Arg: binary.BigEndian.Uint32(f[4:]),
			BlockSize: binary.BigEndian.Uint16(f[8:]), Blocks: binary.BigEndian.Uint16(f[10:])}
		switch last := len(f) == entrySize; {
		case e.Index > 63 || f[2] != 0 || f[3] != 0 || e.Response != R1 && e.Response != R1b:
			return nil, fmt.Errorf("an MMC command with bytes % x", f[:entrySize])
		case !last && (e.BlockSize != 0 || e.Blocks != 0):
			return nil, fmt.Errorf("CMD%d moves data and is not the last of its sequence", e.Index)
		case last && e.Bytes() != len(c.Data), e.Bytes() == 0 && (e.BlockSize != 0 || e.Blocks != 0), e.Bytes() > maxData:
			return nil, fmt.Errorf("CMD%d with %d blocks of %d bytes for %d bytes of data", e.Index, e.Blocks, e.BlockSize, len(c.Data))
		}
		entries = append(entries, e)
	}
	return entries, nil
}

// Complete makes a sequence's answer of the R1 of each command that was sent.
func Complete(r1 []uint32) drive.Completion {
	var done drive.Completion
	for i, r := range r1 {
		done.Sense = binary.BigEndian.AppendUint32(done.Sense, r)
		if done.Status == 0 {
			done.Result = r
			if Status(r).Errors() != 0 {
				done.Status = uint16(i + 1)
			}
		}
	}
	return done
}

// timeout of commands that read a register.
const timeout = 10 * time.Second

// SendExtCSD frames SEND_EXT_CSD (CMD8, clause 7.4): 512 bytes, see ParseExtCSD. To
// an SD card this index is another command, which it does not answer now.
func SendExtCSD() drive.Command { return in(8, 0, 512) }

// SendStatus frames SEND_STATUS (CMD13, clause 6.12): the answer's Result is the
// card's status, see Status. The relative address is the one that the kernel gave
// the card, or that an SD card gave itself (attribute 'rca' in sysfs).
func SendStatus(rca uint16) drive.Command {
	return drive.Command{Protocol: drive.ProtocolMMC, Frame: frame(13, uint32(rca)<<16, 0), Timeout: timeout}
}

// SendWriteProtType frames SEND_WRITE_PROT_TYPE (CMD31, clause 6.10): 8 bytes with
// the write protection of 32 groups from a sector on, see ParseWriteProtection.
func SendWriteProtType(sector uint32) drive.Command { return in(31, sector, 8) }

func in(index byte, arg uint32, n uint16) drive.Command {
	return drive.Command{Protocol: drive.ProtocolMMC, Frame: frame(index, arg, n), Direction: drive.DirectionIn,
		Data: make([]byte, n), Timeout: timeout}
}

// frame of one command with R1, and one block of data where it has any.
func frame(index byte, arg uint32, block uint16) []byte {
	f := make([]byte, entrySize)
	f[0], f[1] = index, byte(R1)
	binary.BigEndian.PutUint32(f[4:], arg)
	if block > 0 {
		binary.BigEndian.PutUint16(f[8:], block)
		f[11] = 1
	}
	return f
}
