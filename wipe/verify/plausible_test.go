package verify

import (
	"errors"
	"testing"
	"time"

	"handback.example/inspect/drive"
	"handback.example/wipe"
)

func TestPlausible(t *testing.T) {
	const gb = int64(1e9)
	on := func(bus drive.Bus, media drive.MediaType, size int64) drive.Identity {
		return drive.Identity{Bus: bus, Media: media, Size: size}
	}
	for _, c := range []struct {
		name string
		w    Work
		ok   bool
	}{
		{"500 GB by the drive in 3 s", Work{Drive: on(drive.BusSATA, drive.MediaHDD, 500*gb), Technique: wipe.ATASanitizeOverwrite, Erasing: 3 * time.Second}, false},
		{"500 GB by the drive in 55 min", Work{Drive: on(drive.BusSATA, drive.MediaHDD, 500*gb), Technique: wipe.ATASanitizeOverwrite, Erasing: 55 * time.Minute}, true},
		{"three passes in the time of one", Work{Drive: on(drive.BusSATA, drive.MediaHDD, 500*gb), Technique: wipe.ATASanitizeOverwrite, Passes: 3, Erasing: 20 * time.Minute}, false},
		{"1 TB of flash in 3 s", Work{Drive: on(drive.BusNVMe, drive.MediaSSD, 1000*gb), Technique: wipe.NVMeSanitizeOverwrite, Erasing: 3 * time.Second}, false},
		{"1 TB of flash in 4 min", Work{Drive: on(drive.BusNVMe, drive.MediaSSD, 1000*gb), Technique: wipe.NVMeSanitizeOverwrite, Erasing: 4 * time.Minute}, true},
		{"SCSI overwrite in 10 s", Work{Drive: on(drive.BusSCSI, drive.MediaHDD, 8000*gb), Technique: wipe.SCSISanitizeOverwrite, Erasing: 10 * time.Second}, false},
		{"FORMAT UNIT of a disk in a minute", Work{Drive: on(drive.BusSCSI, drive.MediaHDD, 600*gb), Technique: wipe.SCSIFormatUnit, Erasing: time.Minute}, false},
		{"FORMAT UNIT of an SSD in no time", Work{Drive: on(drive.BusSCSI, drive.MediaSSD, 600*gb), Technique: wipe.SCSIFormatUnit}, true},
		{"security erase of a disk in 2 min", Work{Drive: on(drive.BusSATA, drive.MediaHDD, 500*gb), Technique: wipe.ATASecurityErase, Erasing: 2 * time.Minute}, false},
		{"enhanced may change a key", Work{Drive: on(drive.BusSATA, drive.MediaHDD, 500*gb), Technique: wipe.ATASecurityEraseEnhanced, Erasing: time.Second}, true},
		{"crypto in no time", Work{Drive: on(drive.BusNVMe, drive.MediaSSD, 4000*gb), Technique: wipe.NVMeSanitizeCrypto}, true},
		{"block in no time", Work{Drive: on(drive.BusSATA, drive.MediaSSD, 4000*gb), Technique: wipe.ATASanitizeBlock}, true},
		{"zeros by SATA at 550 MB/s", Work{Drive: on(drive.BusSATA, drive.MediaSSD, 500*gb), Technique: wipe.OverwriteZero, Written: 500 * gb, Erasing: 910 * time.Second, Read: 500 * gb, Reading: 900 * time.Second}, true},
		{"zeros by SATA at 1 GB/s", Work{Drive: on(drive.BusSATA, drive.MediaSSD, 500*gb), Technique: wipe.OverwriteZero, Written: 500 * gb, Erasing: 500 * time.Second, Read: 500 * gb, Reading: 900 * time.Second}, false},
		{"read back at 1 GB/s", Work{Drive: on(drive.BusSATA, drive.MediaSSD, 500*gb), Technique: wipe.OverwriteZero, Written: 500 * gb, Erasing: 910 * time.Second, Read: 500 * gb, Reading: 500 * time.Second}, false},
		{"no time is known", Work{Drive: on(drive.BusSATA, drive.MediaSSD, 500*gb), Technique: wipe.OverwriteZero, Written: 500 * gb}, false},
		{"a small drive in no time", Work{Drive: on(drive.BusSATA, drive.MediaHDD, 4*gb), Technique: wipe.ATASanitizeOverwrite}, true},
		{"a loop device has memory's speed", Work{Drive: on(drive.BusLoop, drive.MediaFile, 500*gb), Technique: wipe.OverwriteZero, Written: 500 * gb, Erasing: time.Second}, true},
	} {
		if err := Plausible(c.w); (err == nil) != c.ok || err != nil && !errors.Is(err, ErrImplausible) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}
