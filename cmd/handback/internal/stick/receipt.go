package stick

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"strings"

	"handback.example/cmd/internal/settings"
)

// ErrNoReceipt: a record was to be taken away, and nobody has said that it is
// elsewhere.
var ErrNoReceipt error = &kind{"a record may not be removed: the hub has given no receipt for it", "take the stick to the hub to collect its records"}

// recordForm of a record's file in the spool: its visit, its number.
var recordForm = regexp.MustCompile(`^([A-Z0-9]{1,12}-[0-9]{6,9})-[0-9]{4,6}\.json$`)

// receiptName is where the hub's receipt for a visit's records stands.
func receiptName(visit string) string { return settings.SpoolDir + "/" + visit + "-receipt.json" }

// mayWrite says no to a change of what lies in the spool: a record is taken away
// only with the hub's receipt, and only the same bytes are written in its place.
// exFAT knows no difference between capitals and small letters.
func mayWrite(v volume, f File) error {
	dir, base, _ := strings.Cut(f.Name, "/")
	switch {
	case !strings.EqualFold(dir, settings.SpoolDir), f.New:
		return nil
	case f.Remove:
		return mayRemove(v, f.Name, base)
	}
	there, err := v.read(f.Name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case !bytes.Equal(there, f.Data):
		return fmt.Errorf("%s holds another record, which is not replaced: %w", f.Name, fs.ErrExist)
	}
	return nil
}

// mayRemove a record whose SHA-256 stands in the receipt for its visit.
func mayRemove(v volume, name, base string) error {
	m := recordForm.FindStringSubmatch(base)
	if m == nil {
		return because(ErrNoReceipt, "%s is no record", name)
	}
	record, err := v.read(name)
	if err != nil {
		return err
	}
	receipt, err := v.read(receiptName(m[1]))
	if err != nil {
		return because(ErrNoReceipt, "%s: %w", name, err)
	}
	sum := sha256.Sum256(record)
	if !bytes.Contains(receipt, []byte(`"`+hex.EncodeToString(sum[:])+`"`)) {
		return because(ErrNoReceipt, "%s is not named in it", name)
	}
	return nil
}
