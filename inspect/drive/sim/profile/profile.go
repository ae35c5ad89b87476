// Package profile reads a drive's character from a file and makes the model of it.
//
// A profile is TOML. It says what the character is taken from (source), how the
// drive hangs on its host (bus), and in one table what it is: ata, scsi, nvme or
// mmc. Further tables put a SAT layer's manners (sat), a USB bridge (usb) or a
// security subsystem (opal) to it, and each [[fault]] is something that goes wrong
// and when. The fields are those of the models' Config structs, with small letters
// and '_' between words: NativeSectors is native_sectors. Times are texts like
// "90s", bytes are hex, a pattern is "zeros", "noise" or bytes in hex.
package profile

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"

	"handback.example/inspect/drive"
	"handback.example/inspect/drive/sim"
	"handback.example/inspect/drive/sim/ata"
	"handback.example/inspect/drive/sim/inproc"
	"handback.example/inspect/drive/sim/mmc"
	"handback.example/inspect/drive/sim/nvme"
	"handback.example/inspect/drive/sim/opal"
	"handback.example/inspect/drive/sim/sat"
	"handback.example/inspect/drive/sim/scsi"
	"handback.example/inspect/drive/sim/usb"
)

// Drive is a model made from a profile.
type Drive struct {
	Name   string // what it is, for people
	Source string // what its character is taken from
	Bus    drive.Bus
	Model  sim.Model
	// One of these is the model, as what it speaks. USB is set beside SCSI where there
	// is a bridge.
	SCSI sim.SCSI
	NVMe sim.NVMe
	MMC  sim.MMC
	USB  *usb.Bridge
	// Namespaces of an NVMe drive that were attached to its controller when it was
	// made.
	Namespaces []uint32
}

// Options for a model.
type Options struct {
	Clock sim.Clock // nil: the computer's own
	// Medium gives the nth medium of a drive, of this size, with what stands on it;
	// nil: media in memory, with the profile's contents.
	Medium func(n int, size int64) (*sim.Medium, error)
	// Serial replaces the profile's: several drives of one character.
	Serial string
}

// file is a profile as it is written.
type file struct {
	Name, Source, Bus string
	// Contents is what stands on the drive when it comes: zeros unless given.
	Contents sim.Pattern

	ATA   *ata.Config
	SAT   sat.Config
	SCSI  *scsi.Config
	NVME  *nvme.Config
	MMC   *mmc.Config
	Opal  *opal.Config
	USB   *usb.Config
	Fault []fault
}

// fault is a sim.Fault in one table.
type fault struct {
	sim.When
	sim.Action
}

// Error of a profile, with its place.
type Error struct {
	File, Field string
	Line        int // 0: it is not known
	Err         error
}

func (e *Error) Error() string {
	where := e.File
	if e.Line > 0 {
		where = fmt.Sprintf("%s, line %d", where, e.Line)
	}
	if e.Field != "" {
		where += ": " + e.Field
	}
	return where + ": " + e.Err.Error()
}

func (e *Error) Unwrap() error { return e.Err }

// Load reads a profile and makes its model.
func Load(name string, o Options) (*Drive, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, textMax+1)) // whatever it is
	if err != nil {
		return nil, err
	}
	return Parse(name, string(text), o)
}

// textMax bounds a profile; a captured IDENTIFY is 8 KiB of hex.
const textMax = 1 << 20

// Parse makes a model from a profile's text; name is for its errors.
func Parse(name, text string, o Options) (*Drive, error) {
	place := func(err error) error {
		if err == nil {
			return nil
		}
		var syntax toml.ParseError
		var field *fieldError
		switch {
		case errors.As(err, &syntax):
			return &Error{File: name, Line: syntax.Position.Line, Err: errors.New(syntax.Message)}
		case errors.As(err, &field):
			return &Error{File: name, Field: field.path, Line: lineOf(text, field.path), Err: field.err}
		}
		return &Error{File: name, Err: err}
	}
	if len(text) > textMax {
		return nil, place(fmt.Errorf("more than %d bytes are no profile", textMax))
	}
	var table map[string]any
	if _, err := toml.Decode(text, &table); err != nil {
		return nil, place(err)
	}
	f, err := read(table)
	if err != nil {
		return nil, place(err)
	}
	d, err := f.make(o)
	if err != nil || o.Medium == nil {
		return d, place(err)
	}
	// The first model said how large its media are; it has done its work.
	var media []*sim.Medium
	for n, m := range d.Model.Media() {
		own, err := o.Medium(n, m.Size())
		if err != nil {
			return nil, err // the profile is not to blame
		}
		media = append(media, own)
	}
	if f, err = read(table); err != nil {
		return nil, place(err)
	}
	f.use(media)
	d, err = f.make(o)
	return d, place(err)
}

func read(table map[string]any) (*file, error) {
	f := &file{}
	if err := decode(table, reflect.ValueOf(f).Elem(), ""); err != nil {
		return nil, err
	}
	kinds := 0
	for _, is := range []bool{f.ATA != nil, f.SCSI != nil, f.NVME != nil, f.MMC != nil} {
		if is {
			kinds++
		}
	}
	switch {
	case f.Name == "":
		return nil, &fieldError{"name", errors.New("a profile says what it is")}
	case f.Source == "":
		return nil, &fieldError{"source", errors.New("a profile says what its character is taken from")}
	case kinds != 1:
		return nil, &fieldError{"", fmt.Errorf("%d tables of ata, scsi, nvme and mmc: a drive is one of them", kinds)}
	case f.USB != nil && f.ATA == nil && f.SCSI == nil:
		return nil, &fieldError{"usb", errors.New("a USB bridge stands before an ata or scsi drive")}
	}
	return f, f.checkBus()
}

// checkBus: where a profile does not say how it hangs, it hangs as its kind does.
func (f *file) checkBus() error {
	natural := drive.BusSATA
	switch {
	case f.USB != nil:
		natural = drive.BusUSB
	case f.SCSI != nil:
		natural = drive.BusSCSI
	case f.NVME != nil:
		natural = drive.BusNVMe
	case f.MMC != nil:
		natural = drive.BusMMC
	}
	if f.Bus == "" {
		f.Bus = string(natural)
	}
	behindSAS := natural == drive.BusSATA && f.Bus == string(drive.BusSCSI) // a SAS adapter takes SATA drives
	if f.Bus != string(natural) && !behindSAS {
		return &fieldError{"bus", fmt.Errorf("%q: this drive hangs on %s", f.Bus, natural)}
	}
	return nil
}

// use gives the drive's configuration its media, in the order of Media().
func (f *file) use(media []*sim.Medium) {
	switch {
	case f.ATA != nil:
		f.ATA.Medium = media[0]
	case f.SCSI != nil:
		f.SCSI.Medium = media[0]
	case f.NVME != nil:
		useNVMe(f.NVME, media)
	case f.MMC != nil:
		f.MMC.Medium = media[0]
	}
}

// useNVMe: namespaces by their IDs, then what belongs to none, then the boot
// partitions, as nvme.Drive.Media gives them.
func useNVMe(c *nvme.Config, media []*sim.Medium) {
	byID := make([]*nvme.Namespace, len(c.Namespaces))
	for i := range c.Namespaces {
		byID[i] = &c.Namespaces[i]
	}
	slices.SortFunc(byID, func(a, b *nvme.Namespace) int { return cmp.Compare(a.ID, b.ID) })
	for i, n := range byID {
		n.Medium = media[i]
	}
	media = media[len(byID):]
	if c.Unallocated > 0 {
		c.UnallocatedMedium, media = media[0], media[1:]
	}
	copy(c.Boot.Media[:], media)
}

// make the model.
func (f *file) make(o Options) (*Drive, error) {
	d := &Drive{Name: f.Name, Source: f.Source, Bus: drive.Bus(f.Bus)}
	var faults []sim.Fault
	for i, x := range f.Fault {
		if err := x.check(fmt.Sprintf("fault[%d]", i)); err != nil {
			return nil, err
		}
		faults = append(faults, sim.Fault{When: x.When, Do: x.Action})
	}
	script := sim.NewScript(faults...)
	tper, err := f.security()
	if err != nil {
		return nil, err
	}
	if err := f.makeModel(d, o, script, tper); err != nil {
		return nil, err
	}
	if tper != nil && f.Opal.Rekey == nil {
		tper.SetRekey(opal.Scramble(f.Name, d.Model.Media()...))
	}
	size := int64(0)
	for _, m := range d.Model.Media() {
		size += m.Size()
		if o.Medium != nil {
			continue // it has its contents
		}
		if err := m.Fill(0, m.Size(), f.Contents); err != nil {
			return nil, err
		}
	}
	if err := f.checkKept(size); err != nil {
		return nil, err
	}
	sim.SwitchOn(d.Model)
	return d, nil
}

func (f *file) security() (*opal.TPer, error) {
	if f.Opal == nil {
		return nil, nil
	}
	t, err := opal.New(*f.Opal)
	if err != nil {
		return nil, named("opal", *f.Opal, err)
	}
	return t, nil
}

func (f *file) makeModel(d *Drive, o Options, script *sim.Script, tper *opal.TPer) error {
	var tcg sim.TCG
	if tper != nil {
		tcg = tper
	}
	switch {
	case f.ATA != nil:
		c := *f.ATA
		c.Clock, c.Script, c.TCG = o.Clock, script, tcg
		serial(&c.Serial, o)
		m, err := ata.New(c)
		if err != nil {
			return named("ata", c, err)
		}
		d.SCSI = sat.New(m, f.SAT)
	case f.SCSI != nil:
		c := *f.SCSI
		c.Clock, c.Script, c.TCG = o.Clock, script, tcg
		serial(&c.Serial, o)
		m, err := scsi.New(c)
		if err != nil {
			return named("scsi", c, err)
		}
		d.SCSI = m
	case f.NVME != nil:
		c := *f.NVME
		c.Clock, c.Script, c.TCG = o.Clock, script, tcg
		serial(&c.Serial, o)
		m, err := nvme.New(c)
		if err != nil {
			return named("nvme", c, err)
		}
		d.NVMe, d.Model = m, m
		for _, n := range c.Namespaces {
			if n.Attached {
				d.Namespaces = append(d.Namespaces, n.ID)
			}
		}
		return nil
	case f.MMC != nil:
		return f.makeMMC(d, o, script)
	}
	d.Model = d.SCSI
	return f.bridge(d, o)
}

func (f *file) makeMMC(d *Drive, o Options, script *sim.Script) error {
	c := *f.MMC
	c.Clock, c.Script = o.Clock, script
	serial(&c.Serial, o)
	m, err := mmc.New(c)
	if err != nil {
		return named("mmc", c, err)
	}
	d.MMC, d.Model = m, m
	return nil
}

func (f *file) bridge(d *Drive, o Options) error {
	if f.USB == nil {
		return nil
	}
	c := *f.USB
	c.Clock = o.Clock
	b, err := usb.New(c, d.SCSI)
	if err != nil {
		return named("usb", c, err)
	}
	d.USB, d.SCSI, d.Model = b, b, b
	return nil
}

func serial(s *string, o Options) {
	if o.Serial != "" {
		*s = o.Serial
	}
}

// fieldName in a model's error: 'field Namespaces[0].ID: …', 'Blocks: …', 'BootSize
// is …'. What the model calls itself stands before it.
var (
	fieldName = regexp.MustCompile(`\b[A-Z][A-Za-z0-9]*(?:\[\d+\])?(?:\.[A-Z][A-Za-z0-9]*(?:\[\d+\])?)*`)
	itself    = regexp.MustCompile(`^(?:mmc: |opal: |USB bridge: |field )+`)
)

// named turns a model's error about a field of its Config into one about the field
// of the file: the first that is named and is one.
func named(table string, config any, err error) error {
	text := itself.ReplaceAllString(err.Error(), "")
	fields := fieldsOf(reflect.TypeOf(config))
	for _, at := range fieldName.FindAllStringIndex(text, -1) {
		word := text[at[0]:at[1]]
		first, _, _ := strings.Cut(word, ".")
		first, _, _ = strings.Cut(first, "[")
		if _, is := fields[snake(first)]; !is {
			continue
		}
		if at[0] == 0 {
			text = strings.TrimLeft(text[at[1]:], ": ")
		}
		return &fieldError{join(table, pathOf(word)), errors.New(text)}
	}
	return &fieldError{table, errors.New(text)}
}

// pathOf a field of a Config in a file.
func pathOf(word string) string {
	path := ""
	for part := range strings.SplitSeq(word, ".") {
		name, index, _ := strings.Cut(part, "[")
		path = join(path, snake(name))
		if index != "" {
			path += "[" + index
		}
	}
	return path
}

// Attach hangs the drive on a host in this process and gives the paths of its block
// devices: path itself, or path and 'n1' and so on for the namespaces that are
// attached to the controller.
func (d *Drive) Attach(h *inproc.Host, path string) ([]string, error) {
	switch {
	case d.SCSI != nil:
		return []string{path}, h.AttachSCSI(path, d.Bus, d.SCSI)
	case d.MMC != nil:
		return []string{path}, h.AttachMMC(path, d.Bus, d.MMC)
	}
	var paths []string
	for _, id := range d.Namespaces {
		p := fmt.Sprintf("%sn%d", path, id)
		if err := h.AttachNVMe(p, d.NVMe, id); err != nil {
			return paths, err
		}
		paths = append(paths, p)
	}
	return paths, nil
}
