package verify

import (
	"errors"
	"fmt"
	"time"

	"handback.example/inspect/drive"
	"handback.example/wipe"
)

// ErrImplausible: it was done faster than it can have been done.
var ErrImplausible = errors.New("faster than it can be")

// buses and the most that each carries, in bytes per second; one that is not here
// has no limit that is known. None is exceeded by a sound drive, so the figures are
// those of the fastest version that there is, without what its protocol costs.
var buses = map[drive.Bus]float64{
	drive.BusSATA: 600e6,  // 6 Gbit/s, 8b/10b (Serial ATA 3.5, generation 3)
	drive.BusSCSI: 4.8e9,  // SAS-4: 22.5 Gbit/s, 128b/150b, 2.4 GB/s; a wide port of two
	drive.BusNVMe: 31.5e9, // PCI Express 6.0, four lanes; 5.0 carries half of it
	drive.BusUSB:  10e9,   // USB4 version 2, 80 Gbit/s
	drive.BusSD:   4e9,    // SD Express: PCI Express 4.0, two lanes
	drive.BusMMC:  400e6,  // HS400: 200 MHz, eight lines, both edges (JESD84-B51, 5.3)
}

// The most that a medium takes up inside the drive, bytes per second. The fastest
// disk with two actuators writes 554 MB/s (Seagate Exos 2X18, data sheet); the
// fastest laptop SSD writes some 14 GB/s, and has no use for more inside.
const (
	diskMost  = 1e9
	flashMost = 32e9
)

// slack of every limit: what a cache may hold that the figures know nothing of.
const slack = 4 << 30

// Work that was done on a drive, and the time that it took, by one clock.
type Work struct {
	Drive     drive.Identity
	Technique wipe.TechniqueID
	Passes    int   // of a firmware overwrite, 0: one
	Written   int64 // bytes written from outside
	Erasing   time.Duration
	Read      int64 // bytes read back
	Reading   time.Duration
}

// Plausible finds what can't have been done in its time: an overwrite or a read-back
// of more than the bus carries, an overwrite by the drive itself of more than its
// medium takes up. Crypto erase and block erase may be instant, and so may whatever
// a solid-state drive does by them: security erase, Format NVM, FORMAT UNIT. An error
// wraps ErrImplausible. Nothing is said of drives behind a bus without a limit, nor
// of the first 4 GiB.
func Plausible(w Work) error {
	if bus := buses[w.Drive.Bus]; bus > 0 {
		if err := within("written", w.Written, w.Erasing, bus, "its bus carries"); err != nil {
			return err
		}
		if err := within("read back", w.Read, w.Reading, bus, "its bus carries"); err != nil {
			return err
		}
	}
	if limit := inside(w.Technique, w.Drive); limit > 0 {
		return within("overwritten by the drive", w.Drive.Size*int64(max(w.Passes, 1)), w.Erasing, limit, "its medium takes up")
	}
	return nil
}

// inside is the limit of an overwrite that the drive does by itself; 0: it is none,
// or may be done in no time.
func inside(t wipe.TechniqueID, id drive.Identity) float64 {
	disk := id.Media == drive.MediaHDD
	switch t {
	case wipe.ATASanitizeOverwrite, wipe.NVMeSanitizeOverwrite, wipe.SCSISanitizeOverwrite:
		if disk {
			return diskMost
		}
		return flashMost
	case wipe.ATASecurityErase, wipe.SCSIFormatUnit:
		if disk {
			return diskMost // it writes every sector (ACS-4, 7.43; SBC-4, 5.3)
		}
	}
	return 0
}

func within(what string, bytes int64, took time.Duration, most float64, why string) error {
	if float64(bytes) <= most*took.Seconds()+slack {
		return nil
	}
	return fmt.Errorf("%w: %d bytes were %s in %s, and %s %.0f MB/s at most", ErrImplausible, bytes, what, took.Round(time.Millisecond), why, most/1e6)
}
