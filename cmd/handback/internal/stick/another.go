package stick

import (
	"context"

	"handback.example/cmd/internal/settings"
)

// Another gives the one other Handback stick that is in the machine: one whose data
// partition isn't this Store's. ErrGone: there is none; ErrAmbiguous: there are
// several. Nothing of it is looked at but its partition table.
func (s *Stick) Another(ctx context.Context) (Disk, error) {
	disks, err := s.y.scan(ctx, s.known)
	if err != nil {
		return Disk{}, err
	}
	var others []Disk
	for _, d := range disks {
		if _, boots := d.table.find(settings.ESPGUID); boots && s.isOther(d) {
			others = append(others, d)
		}
	}
	switch len(others) {
	case 0:
		return Disk{}, ErrGone
	case 1:
		return others[0], nil
	}
	return Disk{}, because(ErrAmbiguous, "%s", describe(others))
}

// isOther: this disk is certainly not the one that this Store is bound to. A stick
// that is new has no data partition yet.
func (s *Stick) isOther(d Disk) bool {
	e, ok := d.table.find(settings.DataGUID)
	if !ok {
		s.known.forget(d) // its table is read again the next time
		return true
	}
	path, ok := s.y.partition(d, e)
	if !ok {
		return false
	}
	id, err := s.volumeID(d, path)
	return err == nil && id != s.id
}
