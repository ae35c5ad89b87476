package platform

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"handback.example/inspect"
)

// shimList is where shim shows the keys that it starts systems by: those that it was
// built with, and those that somebody enrolled. Where they are stored no running system
// can look (shim, README.tpm and mok.c).
const shimList = "MokListRT"

// shimOwn are the SHA-256 of the certificates that a shim was built with, which nobody
// enrolled: Debian's of 2016, by which our own medium starts.
var shimOwn = []string{"079646974bce09b1f04da67bd722d1fb0947ae4c4010bccdbba52d5b23cbf1a2"}

// ownerKeys that somebody enrolled beside the firmware's.
func (s *survey) ownerKeys() inspect.Residue {
	names, r := s.efiNames("keys that a former owner enrolled (MOK)")
	if len(names) == 0 {
		return r
	}
	shim, enrolled := false, 0
	for _, name := range names {
		v, ok := strings.CutSuffix(name, shimNamespace)
		shim = shim || ok
		if !ok || strings.TrimRight(v, "0123456789") != shimList { // a long list goes on in MokListRT1
			continue
		}
		b, err := s.Tree.Bytes(efiVars+name, maxVariable)
		if err != nil || len(b) < 4 {
			r.Evidence = "shim's list of them could not be read"
			return r
		}
		keys, err := signatures(b[4:]) // after efivarfs' four bytes of attributes
		if err != nil {
			r.Evidence = "shim's list of them is damaged"
			return r
		}
		for _, k := range keys {
			if sum := sha256.Sum256(k); !slices.Contains(shimOwn, hex.EncodeToString(sum[:])) {
				enrolled++
			}
		}
	}
	switch {
	case !shim:
		r.Evidence = "shim alone shows them, and it did not start this system"
	case enrolled > 0:
		r.State, r.Evidence = inspect.ResiduePresent, fmt.Sprintf("%d beside Debian's own: take them out in shim's menu (MokManager)", enrolled)
	default:
		r.State, r.Evidence = inspect.ResidueAbsent, "shim lists none but those that it was built with"
	}
	return r
}

var errSignatures = errors.New("the signature list is damaged")

// signatures of EFI_SIGNATURE_LISTs (UEFI 2.10, 32.4.1): what stands in each behind its
// owner's GUID.
func signatures(b []byte) (all [][]byte, err error) {
	const head, owner = 28, 16
	for len(b) > 0 {
		if len(b) < head {
			return nil, errSignatures
		}
		size, header, one := uint64(binary.LittleEndian.Uint32(b[16:])), uint64(binary.LittleEndian.Uint32(b[20:])), uint64(binary.LittleEndian.Uint32(b[24:]))
		if size > uint64(len(b)) || one <= owner || head+header > size || (size-head-header)%one != 0 {
			return nil, errSignatures
		}
		for rest := b[head+header : size]; len(rest) > 0; rest = rest[one:] {
			all = append(all, bytes.Clone(rest[owner:one]))
		}
		b = b[size:]
	}
	return all, nil
}
