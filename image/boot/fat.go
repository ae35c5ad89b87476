package boot

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

var errFAT = errors.New("not a FAT32 file system")

// Fields of the boot sector and of a folder's entry, FAT specification 3.1, 3.3, 6.
const (
	entrySize   = 32
	attrFolder  = 0x10
	attrLong    = 0x0f
	firstRow    = 2 // the first cluster's number
	endOfChain  = 0x0ffffff8
	clusterMask = 0x0fffffff
)

// repairParents sets the entry '..' of the folders in the root to cluster 0, which
// stands for the root (clause 6.5). go-diskfs v1.9.4 writes the root's own number,
// with which fsck.vfat finds fault.
func repairParents(r io.ReaderAt, w io.WriterAt) error {
	v, err := openFAT(r)
	if err != nil {
		return err
	}
	folders, err := v.folders(v.root)
	if err != nil {
		return err
	}
	for _, cluster := range folders {
		at := v.offset(cluster) + entrySize // after '.'
		e := make([]byte, entrySize)
		if _, err := r.ReadAt(e, at); err != nil {
			return err
		}
		if string(e[:11]) != "..         " || e[11]&attrFolder == 0 {
			return fmt.Errorf("%w: a folder has no '..'", errFAT)
		}
		copy(e[20:22], []byte{0, 0}) // high and low half of the cluster's number
		copy(e[26:28], []byte{0, 0})
		if _, err := w.WriteAt(e, at); err != nil {
			return err
		}
	}
	return nil
}

// fat is what repairParents needs to know of a volume.
type fat struct {
	r              io.ReaderAt
	table, data    int64  // offsets in bytes
	cluster        int64  // bytes
	root, clusters uint32 // the root's first cluster, and one after the last
}

func openFAT(r io.ReaderAt) (*fat, error) {
	b := make([]byte, 512)
	if _, err := r.ReadAt(b, 0); err != nil {
		return nil, err
	}
	le := binary.LittleEndian
	bytesPerSector, perCluster := int64(le.Uint16(b[11:])), int64(b[13])
	reserved, tables, tableSectors := int64(le.Uint16(b[14:])), int64(b[16]), int64(le.Uint32(b[36:]))
	sectors := int64(le.Uint32(b[32:]))
	data := reserved + tables*tableSectors
	if b[510] != 0x55 || b[511] != 0xaa || bytesPerSector != 512 || perCluster == 0 || le.Uint16(b[22:]) != 0 || sectors <= data {
		return nil, errFAT
	}
	return &fat{
		r: r, table: reserved * bytesPerSector, data: data * bytesPerSector, cluster: perCluster * bytesPerSector,
		root: le.Uint32(b[44:]), clusters: uint32((sectors-data)/perCluster) + firstRow,
	}, nil
}

func (v *fat) offset(cluster uint32) int64 { return v.data + int64(cluster-firstRow)*v.cluster }

// folders gives the first clusters of the folders in a folder.
func (v *fat) folders(cluster uint32) ([]uint32, error) {
	var found []uint32
	b := make([]byte, v.cluster)
	seen := map[uint32]bool{}
	for {
		if cluster < firstRow || cluster >= v.clusters || seen[cluster] {
			return nil, fmt.Errorf("%w: cluster %d of a folder", errFAT, cluster)
		}
		seen[cluster] = true
		if _, err := v.r.ReadAt(b, v.offset(cluster)); err != nil {
			return nil, err
		}
		for e := b; len(e) >= entrySize; e = e[entrySize:] {
			switch {
			case e[0] == 0: // no more
				return found, nil
			case e[0] == 0xe5, e[0] == '.', e[11]&attrLong == attrLong, e[11]&attrFolder == 0:
				continue
			}
			le := binary.LittleEndian
			n := uint32(le.Uint16(e[20:]))<<16 | uint32(le.Uint16(e[26:]))
			if n < firstRow || n >= v.clusters {
				return nil, fmt.Errorf("%w: a folder at cluster %d", errFAT, n)
			}
			found = append(found, n)
		}
		var next [4]byte
		if _, err := v.r.ReadAt(next[:], v.table+4*int64(cluster)); err != nil {
			return nil, err
		}
		if cluster = binary.LittleEndian.Uint32(next[:]) & clusterMask; cluster >= endOfChain {
			return found, nil
		}
	}
}
