package ata

import (
	"encoding/binary"
	"errors"
	"slices"

	"handback.example/inspect/drive"
)

// logStatistics is the address of the device statistics log (ACS-4 clause 9.5).
const logStatistics = 0x04

// Pages of the device statistics log that Handback reads (ACS-4 clauses 9.5.4 to
// 9.5.10).
const (
	StatisticsList        = 0x00
	statisticsGeneral     = 0x01
	statisticsRotating    = 0x03
	statisticsErrors      = 0x04
	statisticsTemperature = 0x05
	statisticsSolidState  = 0x07
)

var errStatistics = errors.New("no device statistics: length, revision or page number is wrong")

// DeviceStatistics frames READ LOG EXT (ACS-4 clause 7.24) of one page of the device
// statistics log: 512 bytes.
func DeviceStatistics(page byte) drive.Command {
	// LBA 7:0 is the log, LBA 15:8 the page; one page is asked for.
	return in([16]byte{0: 0x85, 1: protocolPIOIn | extend, 2: pioIn, 6: 1, 8: logStatistics, 10: page, 14: 0x2f})
}

// Statistic is one that a drive keeps, in the unit that ACS-4 gives it. Valid is
// false where the drive does not keep it or says that it is not to be trusted.
type Statistic struct {
	Value int64
	Valid bool
}

// Statistics that Handback reads.
type Statistics struct {
	Hours       Statistic // with power on
	Written     Statistic // logical sectors
	Reallocated Statistic // logical sectors
	Candidates  Statistic // logical sectors that wait to be reallocated
	Reported    Statistic // errors that could not be corrected, as the host was told
	Used        Statistic // percent of rated endurance, may exceed 100
	Celsius     Statistic
}

// StatisticsPages gives, of the pages that page 00h lists, those that ParseStatistics
// reads.
func StatisticsPages(list []byte) ([]byte, error) {
	if err := statisticsPage(list, StatisticsList); err != nil {
		return nil, err
	}
	n := int(list[8])
	if 9+n > len(list) {
		return nil, errStatistics
	}
	var pages []byte
	for _, p := range []byte{statisticsGeneral, statisticsRotating, statisticsErrors, statisticsTemperature, statisticsSolidState} {
		if slices.Contains(list[9:9+n], p) {
			pages = append(pages, p)
		}
	}
	return pages, nil
}

// Parse adds what one page says.
func (s *Statistics) Parse(b []byte, page byte) error {
	if err := statisticsPage(b, page); err != nil {
		return err
	}
	switch page {
	case statisticsGeneral:
		s.Hours, s.Written = statistic(b, 16, 32), statistic(b, 24, 48)
	case statisticsRotating:
		s.Reallocated, s.Candidates = statistic(b, 32, 32), statistic(b, 56, 32)
	case statisticsErrors:
		s.Reported = statistic(b, 8, 32)
	case statisticsTemperature:
		s.Celsius = statistic(b, 8, 8)
		s.Celsius.Value = int64(int8(s.Celsius.Value))
	case statisticsSolidState:
		s.Used = statistic(b, 8, 8)
	}
	return nil
}

// statisticsPage checks the header of a page: revision 0001h in bits 15:0, the page's
// number in bits 23:16.
func statisticsPage(b []byte, page byte) error {
	if len(b) != sector || binary.LittleEndian.Uint16(b) != 1 || b[2] != page {
		return errStatistics
	}
	return nil
}

// statistic of so many bits at an offset: bit 63 of its eight bytes says that the
// drive keeps it, bit 62 that it is valid (ACS-4 clause 9.5.2).
func statistic(b []byte, at, bits int) Statistic {
	v := binary.LittleEndian.Uint64(b[at:])
	if v>>62 != 3 {
		return Statistic{}
	}
	return Statistic{Value: int64(v & (1<<bits - 1)), Valid: true}
}
