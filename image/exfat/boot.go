package exfat

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/bits"
)

// What is wrong with a volume.
var (
	// ErrNotExFAT: there is no exFAT boot sector at all.
	ErrNotExFAT = errors.New("not an exFAT file system")
	// ErrDamaged: there is one, and it or what it leads to is wrong.
	ErrDamaged = errors.New("exFAT file system is damaged")
)

func damaged(format string, a ...any) error {
	return fmt.Errorf("%w: %s", ErrDamaged, fmt.Sprintf(format, a...))
}

var le = binary.LittleEndian

// Offsets of the Main Boot Sector, clause 3.1.
const (
	offFileSystemName   = 3
	offMustBeZero       = 11
	offPartitionOffset  = 64
	offVolumeLength     = 72
	offFatOffset        = 80
	offFatLength        = 84
	offHeapOffset       = 88
	offClusterCount     = 92
	offRootCluster      = 96
	offSerialNumber     = 100
	offRevision         = 104
	offVolumeFlags      = 106
	offSectorShift      = 108
	offClusterShift     = 109
	offNumberOfFats     = 110
	offDriveSelect      = 111
	offPercentInUse     = 112
	offBootCode         = 120
	offBootSignature    = 510
	bootSectorSize      = 512
	bootRegionSectors   = 12 // clause 2: boot sector, 8 extended, OEM, reserved, checksum
	checksumSector      = 11
	firstCluster        = 2          // clause 4.1.3
	maxClusters         = 0xFFFFFFF5 // clause 3.1.9: 2^32 - 11
	minSectorShift      = 9          // clause 3.1.14: 512 to 4096 bytes
	maxSectorShift      = 12
	maxClusterSizeShift = 25 // clause 3.1.15: clusters of 32 MiB at most
)

const fileSystemName = "EXFAT   "

// geometry of a volume, in bytes where it doesn't say otherwise.
type geometry struct {
	sectorSize    int64
	clusterSize   int64
	fatOffset     int64
	fatLength     int64
	heapOffset    int64
	clusters      uint32
	root          uint32
	length        int64 // of the volume
	serial        uint32
	partition     uint64 // sectors before the volume, 0: unknown
	sectorShift   uint8
	perClusterLog uint8
}

// bootChecksum over the first eleven sectors, clause 3.4.
func bootChecksum(region []byte) uint32 {
	var sum uint32
	for i, b := range region {
		if i == offVolumeFlags || i == offVolumeFlags+1 || i == offPercentInUse {
			continue // these change while the volume is in use
		}
		sum = bits.RotateLeft32(sum, -1) + uint32(b)
	}
	return sum
}

// bootRegion is the twelve sectors that begin a volume.
func (g geometry) bootRegion() []byte {
	b := make([]byte, bootRegionSectors*g.sectorSize)
	copy(b, []byte{0xEB, 0x76, 0x90})
	copy(b[offFileSystemName:], fileSystemName)
	le.PutUint64(b[offPartitionOffset:], g.partition)
	le.PutUint64(b[offVolumeLength:], uint64(g.length/g.sectorSize))
	le.PutUint32(b[offFatOffset:], uint32(g.fatOffset/g.sectorSize))
	le.PutUint32(b[offFatLength:], uint32(g.fatLength/g.sectorSize))
	le.PutUint32(b[offHeapOffset:], uint32(g.heapOffset/g.sectorSize))
	le.PutUint32(b[offClusterCount:], g.clusters)
	le.PutUint32(b[offRootCluster:], g.root)
	le.PutUint32(b[offSerialNumber:], g.serial)
	le.PutUint16(b[offRevision:], 0x0100)
	b[offSectorShift], b[offClusterShift] = g.sectorShift, g.perClusterLog
	b[offNumberOfFats], b[offDriveSelect] = 1, 0x80
	b[offPercentInUse] = 0xFF // clause 3.1.18: not known
	for i := offBootCode; i < offBootSignature; i++ {
		b[i] = 0xF4 // hlt: nothing boots from here
	}
	le.PutUint16(b[offBootSignature:], 0xAA55)
	for s := int64(1); s <= 8; s++ { // clause 3.2: ExtendedBootSignature ends each
		le.PutUint32(b[(s+1)*g.sectorSize-4:], 0xAA550000)
	}
	sum := bootChecksum(b[:checksumSector*g.sectorSize])
	for i := checksumSector * g.sectorSize; i < int64(len(b)); i += 4 {
		le.PutUint32(b[i:], sum)
	}
	return b
}

// readBoot reads and checks the main boot region; size is what r holds.
func readBoot(r io.ReaderAt, size int64) (geometry, error) {
	head := make([]byte, bootSectorSize)
	if size < bootSectorSize {
		return geometry{}, fmt.Errorf("%w: it holds %d bytes", ErrNotExFAT, size)
	}
	if err := readFull(r, head, 0); err != nil {
		return geometry{}, fmt.Errorf("read exFAT boot sector: %w", err)
	}
	if string(head[offFileSystemName:offMustBeZero]) != fileSystemName {
		return geometry{}, ErrNotExFAT
	}
	g, err := parseBoot(head, size)
	if err != nil {
		return geometry{}, err
	}
	region := make([]byte, bootRegionSectors*g.sectorSize)
	if err := readFull(r, region, 0); err != nil {
		return geometry{}, fmt.Errorf("read exFAT boot region: %w", err)
	}
	want := bootChecksum(region[:checksumSector*g.sectorSize])
	for i := checksumSector * g.sectorSize; i < int64(len(region)); i += 4 {
		if le.Uint32(region[i:]) != want {
			return geometry{}, damaged("checksum of the boot region is wrong")
		}
	}
	return g, nil
}

// parseBoot checks each field against its valid range in clause 3.1, so that
// nothing computed from them overflows.
func parseBoot(b []byte, size int64) (geometry, error) {
	g := geometry{sectorShift: b[offSectorShift], perClusterLog: b[offClusterShift]}
	if g.sectorShift < minSectorShift || g.sectorShift > maxSectorShift || int(g.perClusterLog) > maxClusterSizeShift-int(g.sectorShift) {
		return g, damaged("sector shift %d, cluster shift %d", g.sectorShift, g.perClusterLog)
	}
	for _, c := range b[offMustBeZero:offPartitionOffset] {
		if c != 0 { // clause 3.1.3: so that no FAT driver takes it for its own
			return g, damaged("bytes that must be zero are not")
		}
	}
	if le.Uint16(b[offBootSignature:]) != 0xAA55 || b[offNumberOfFats] != 1 || b[offRevision+1] != 1 {
		// TexFAT's second FAT is for devices that we never make sticks of.
		return g, damaged("boot signature, revision or number of FATs is wrong")
	}
	g.sectorSize = 1 << g.sectorShift
	g.clusterSize = g.sectorSize << g.perClusterLog
	sectors := le.Uint64(b[offVolumeLength:])
	if sectors > uint64(size)>>g.sectorShift {
		return g, damaged("volume of %d sectors in a partition of %d", sectors, size>>g.sectorShift)
	}
	g.length = int64(sectors) << g.sectorShift
	g.fatOffset = int64(le.Uint32(b[offFatOffset:])) << g.sectorShift
	g.fatLength = int64(le.Uint32(b[offFatLength:])) << g.sectorShift
	g.heapOffset = int64(le.Uint32(b[offHeapOffset:])) << g.sectorShift
	g.clusters = le.Uint32(b[offClusterCount:])
	g.root = le.Uint32(b[offRootCluster:])
	g.serial = le.Uint32(b[offSerialNumber:])
	g.partition = le.Uint64(b[offPartitionOffset:])
	switch {
	case g.fatOffset < 2*bootRegionSectors*g.sectorSize,
		g.fatLength < (int64(g.clusters)+firstCluster)*4,
		g.heapOffset < g.fatOffset+g.fatLength,
		g.clusters == 0 || g.clusters > maxClusters,
		int64(g.clusters) > (g.length-g.heapOffset)>>(g.sectorShift+g.perClusterLog):
		return g, damaged("file allocation table or cluster heap is out of bounds")
	case !g.valid(g.root):
		return g, damaged("root directory is at cluster %d", g.root)
	}
	return g, nil
}

// valid tells whether c is a cluster of the heap.
func (g geometry) valid(c uint32) bool {
	return c >= firstCluster && c-firstCluster < g.clusters
}

// at is where cluster c begins.
func (g geometry) at(c uint32) int64 {
	return g.heapOffset + int64(c-firstCluster)*g.clusterSize
}

// readFull reads all of b or fails.
func readFull(r io.ReaderAt, b []byte, off int64) error {
	n, err := r.ReadAt(b, off)
	if n == len(b) {
		return nil
	}
	if err == nil || errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
