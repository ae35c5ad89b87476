package exfat

import (
	_ "embed"
	"fmt"
	"io"
	"math/bits"
	"unicode/utf16"
)

// Options of a new volume.
type Options struct {
	Label           string // up to 11 UTF-16 units
	VolumeID        uint32 // the volume's serial number
	SectorSize      int    // logical sector of the medium, 512 to 4096; 0 means 512
	PartitionOffset int64  // bytes from the start of the medium, 0: unknown
}

// MinSize of a volume that Format makes.
const MinSize = 1 << 20

// upcase is the recommended up-case table in compressed form, clause 7.2.5.1,
// table 24; its checksum is 0xE619D30D.
//
//go:embed upcase.bin
var upcase []byte

// Directory entry types, clause 7.
const (
	typeEnd       = 0x00
	typeBitmap    = 0x81
	typeUpcase    = 0x82
	typeLabel     = 0x83
	typeFile      = 0x85
	typeStream    = 0xC0
	typeName      = 0xC1
	inUse         = 0x80
	entrySize     = 32
	labelMax      = 11
	endOfChain    = 0xFFFFFFFF // clause 4.1.3
	mediaType     = 0xFFFFFFF8 // clause 4.1.1
	attrDirectory = 0x10       // clause 7.4.4
	flagNoChain   = 0x02       // clause 6.3.4.2: NoFatChain
)

// Format makes an empty volume of size bytes at offset 0 of w. Where w has a
// method Sync, it is called so that the first sector, which makes the volume
// one, is written when all else is on the medium: after a power cut there is a
// whole volume or none.
func Format(w io.WriterAt, size int64, opt Options) error {
	g, err := layout(size, opt)
	if err != nil {
		return err
	}
	label := utf16.Encode([]rune(opt.Label))
	if len(label) > labelMax {
		return fmt.Errorf("exFAT label %q is longer than %d characters", opt.Label, labelMax)
	}
	clustersOf := func(n int64) uint32 { return uint32((n + g.clusterSize - 1) / g.clusterSize) }
	bitmapLen := int64(g.clusters+7) / 8
	bitmapAt := uint32(firstCluster)
	upcaseAt := bitmapAt + clustersOf(bitmapLen)
	g.root = upcaseAt + clustersOf(int64(len(upcase)))
	used := g.root + 1 - firstCluster
	if used > g.clusters {
		return fmt.Errorf("exFAT volume of %d bytes is too small", size)
	}

	bitmap := make([]byte, int64(clustersOf(bitmapLen))*g.clusterSize)
	for i := uint32(0); i < used; i++ {
		bitmap[i/8] |= 1 << (i % 8)
	}
	table := make([]byte, int64(clustersOf(int64(len(upcase))))*g.clusterSize)
	copy(table, upcase)
	boot := g.bootRegion()
	for _, part := range []struct {
		what string
		b    []byte
		at   int64
	}{
		{"file allocation table", g.fat(bitmapAt, upcaseAt), g.fatOffset},
		{"allocation bitmap", bitmap, g.at(bitmapAt)},
		{"up-case table", table, g.at(upcaseAt)},
		{"root directory", g.rootDirectory(label, bitmapAt, upcaseAt, bitmapLen), g.at(g.root)},
		{"backup boot region", boot, int64(len(boot))},
		{"boot region", boot[g.sectorSize:], g.sectorSize},
		{"boot sector", boot[:g.sectorSize], 0},
	} {
		if part.at == 0 {
			if err := syncIfCan(w); err != nil {
				return err
			}
		}
		if _, err := w.WriteAt(part.b, part.at); err != nil {
			return fmt.Errorf("write exFAT %s: %w", part.what, err)
		}
	}
	return syncIfCan(w)
}

func syncIfCan(w io.WriterAt) error {
	if s, ok := w.(interface{ Sync() error }); ok {
		if err := s.Sync(); err != nil {
			return fmt.Errorf("exFAT volume to the medium: %w", err)
		}
	}
	return nil
}

// layout chooses cluster size and alignment as Windows does: 4 KiB up to 256 MiB,
// 32 KiB up to 32 GiB, else 128 KiB; below 16 MiB one sector.
func layout(size int64, opt Options) (geometry, error) {
	sector := int64(opt.SectorSize)
	if sector == 0 {
		sector = 512
	}
	if sector < 1<<minSectorShift || sector > 1<<maxSectorShift || bits.OnesCount64(uint64(sector)) != 1 {
		return geometry{}, fmt.Errorf("exFAT knows no sectors of %d bytes", sector)
	}
	if size < MinSize {
		return geometry{}, fmt.Errorf("exFAT volume of %d bytes: at least %d are needed", size, MinSize)
	}
	var cluster, align int64
	switch {
	case size < 16<<20:
		cluster, align = sector, 32<<10
	case size <= 256<<20:
		cluster, align = 4<<10, 64<<10
	case size <= 32<<30:
		cluster, align = 32<<10, 1<<20
	case size <= 1<<40:
		cluster, align = 128<<10, 1<<20
	default:
		cluster, align = 1<<20, 1<<20
	}
	up := func(n, to int64) int64 { return (n + to - 1) / to * to }
	g := geometry{sectorSize: sector, clusterSize: cluster, length: size / sector * sector, serial: opt.VolumeID,
		partition: uint64(opt.PartitionOffset / sector)}
	g.sectorShift = uint8(bits.TrailingZeros64(uint64(sector)))
	g.perClusterLog = uint8(bits.TrailingZeros64(uint64(cluster / sector)))
	g.fatOffset = up(2*bootRegionSectors*sector, align)
	g.fatLength = up((size/cluster+firstCluster)*4, sector)
	g.heapOffset = up(g.fatOffset+g.fatLength, align)
	n := (g.length - g.heapOffset) / cluster
	if n < 1 || n > maxClusters {
		return geometry{}, fmt.Errorf("exFAT volume of %d bytes: %d clusters", size, n)
	}
	g.clusters = uint32(n)
	return g, nil
}

// fat is the whole table: chains of bitmap, up-case table and root directory.
func (g geometry) fat(bitmapAt, upcaseAt uint32) []byte {
	b := make([]byte, g.fatLength)
	le.PutUint32(b, mediaType)
	le.PutUint32(b[4:], endOfChain)
	for c := bitmapAt; c <= g.root; c++ {
		next := c + 1
		if next == upcaseAt || next == g.root || c == g.root {
			next = endOfChain
		}
		le.PutUint32(b[4*c:], next)
	}
	return b
}

// rootDirectory with the three critical primary entries that every volume has,
// clauses 7.1 to 7.3.
func (g geometry) rootDirectory(label []uint16, bitmapAt, upcaseAt uint32, bitmapLen int64) []byte {
	b := make([]byte, g.clusterSize)
	e := b
	if len(label) > 0 {
		e[0], e[1] = typeLabel, byte(len(label))
		for i, u := range label {
			le.PutUint16(e[2+2*i:], u)
		}
		e = e[entrySize:]
	}
	e[0] = typeBitmap
	le.PutUint32(e[20:], bitmapAt)
	le.PutUint64(e[24:], uint64(bitmapLen))
	e = e[entrySize:]
	e[0] = typeUpcase
	le.PutUint32(e[4:], tableChecksum(upcase))
	le.PutUint32(e[20:], upcaseAt)
	le.PutUint64(e[24:], uint64(len(upcase)))
	return b
}

// tableChecksum of an up-case table, clause 7.2.2.
func tableChecksum(b []byte) uint32 {
	var sum uint32
	for _, c := range b {
		sum = bits.RotateLeft32(sum, -1) + uint32(c)
	}
	return sum
}
