// Package capture keeps what an inspection read of a machine in an archive, and
// answers another inspection from it: for bug reports, for tests, for practice.
//
// Everything that an inspection learns enters by Doors. A Recorder stands in them
// and keeps every question with its answer; a Capture answers the same questions.
// What was not asked then is 'not recorded', an error, and never 'no'.
//
// An archive is a tar.gz that ordinary tools read:
//
//	capture.json               format, program, time, what was replaced and what withheld
//	tree/…                     files, folders and links as they lay below /
//	tree.jsonl                 what a file can't say: listings, errors, device numbers
//	machine.json               what the TPM and the management engine said
//	drives/NAME/drive.json     geometry, and what the survey of its blocks came to
//	drives/NAME/commands.jsonl each command's bytes and its answer's, in hex
//
// Names of the machine and of people are replaced before anything is written, the
// same by the same within one archive, by others of the same length and shape:
// serial numbers, UUIDs, WWNs, MAC addresses, asset tags, the names of boot entries,
// volumes and folders, those that people gave to network interfaces, the hash of the
// TPM's key. The key by which they were replaced is thrown away. Maker, model, firmware
// and capacity stay, and with them whatever else an owner may have written in their
// place. A name that is also a word of the kernel or of a maker is replaced only where
// it is known to stand. Blocks of a drive are never kept, only what the survey of them
// came to. What in an answer of a drive or a display is its maker's own is blotted out:
// parts of IDENTIFY data, SMART data and EXT_CSD, of TCG level 0 discovery and of sense
// data, and descriptors of an EDID that are not known here. A file or page of a kind
// that is not known here is withheld. See names.go, kernel.go, files.go, tables.go and
// commands.go.
//
// An archive may come from anybody: it is read with bounds, and what it says is
// cleaned and parsed as what a machine says is.
package capture

import (
	"errors"
	"io/fs"
	"slices"
	"sync"
	"syscall"
	"time"

	"handback.example/inspect"
	"handback.example/inspect/drive"
	"handback.example/inspect/internal/tree"
)

// Format of the archives that this package writes and reads.
const Format = "handback.capture/1"

// Manifest is the capture.json of an archive.
type Manifest struct {
	Format  string    `json:"format"`
	Program string    `json:"program"` // and its version
	Taken   time.Time `json:"taken"`
	// Opened: the drives were opened and asked; of a folder of files none is.
	Opened bool `json:"opened"`
	// Replaced says in words what was, by others of the same shape.
	Replaced []string `json:"replaced"`
	// Withheld are the files that were read and are not kept.
	Withheld []string `json:"withheld,omitempty"`
}

// archive in memory.
type archive struct {
	manifest Manifest
	tree     map[string]*node
	machine  machine
	drives   []*driveRecord
}

// node is all that was asked of one name, and the answers.
type node struct {
	looked bool
	entry  tree.Entry
	gone   *failure // why it could not be looked at

	read    bool
	data    []byte
	unread  *failure // why it could not be read
	listed  bool
	names   []string
	unnamed *failure // why it could not be listed

	asked    bool
	device   tree.Device
	deviceNo *failure // why it is no device
}

// clone shares nothing with n but its content, which is never changed in place.
func (n *node) clone() *node {
	v := *n
	v.names = slices.Clone(n.names)
	for _, f := range []**failure{&v.gone, &v.unread, &v.unnamed, &v.deviceNo} {
		if *f != nil {
			own := **f
			*f = &own
		}
	}
	return &v
}

// machine is what the machine's own parts said.
type machine struct {
	TPM *inspect.TPM `json:"tpm,omitempty"`
	AMT *amtAnswer   `json:"amt,omitempty"`
}

type amtAnswer struct {
	Mode  uint8  `json:"mode"`
	Error string `json:"error,omitempty"`
	None  bool   `json:"none,omitempty"` // the engine has no AMT
}

// driveRecord is one drive.
type driveRecord struct {
	mu sync.Mutex

	Path       string           `json:"path"`
	Geometry   drive.Geometry   `json:"geometry"`
	Provenance drive.Provenance `json:"provenance"`
	Namespace  uint32           `json:"namespace,omitempty"`
	Contents   *Contents        `json:"contents,omitempty"`
	// Unopened and Unidentified say why.
	Unopened     string `json:"unopened,omitempty"`
	Unidentified string `json:"unidentified,omitempty"`

	commands []*exchange
}

// exchange is one command and its answer.
type exchange struct {
	Operation string         `json:"operation"` // for people
	Protocol  drive.Protocol `json:"protocol"`  // 1 SCSI, 2 NVMe, 3 MMC
	Frame     hexBytes       `json:"frame"`
	Length    int            `json:"length"` // of the data wanted
	Status    uint16         `json:"status"`
	Result    uint32         `json:"result,omitempty"`
	Sense     hexBytes       `json:"sense,omitempty"`
	Residual  int            `json:"residual,omitempty"`
	Data      hexBytes       `json:"data,omitempty"` // without the zeros at its end
	// Error is set where the drive gave no answer of its own.
	Error    string `json:"error,omitempty"`
	NoAnswer bool   `json:"no_answer,omitempty"`
}

// failure is an error that can be written down.
type failure struct {
	Op    string        `json:"op,omitempty"`
	Errno syscall.Errno `json:"errno,omitempty"`
	Text  string        `json:"text"`
}

func failed(err error) *failure {
	if err == nil {
		return nil
	}
	f := &failure{Text: err.Error()}
	var at *fs.PathError
	if errors.As(err, &at) {
		f.Op, f.Text = at.Op, at.Err.Error()
	}
	errors.As(err, &f.Errno)
	return f
}

// error as it was, of a name.
func (f *failure) error(name string) error {
	switch {
	case f == nil:
		return nil
	case f.Errno == 0:
		return errors.New(f.Text)
	case f.Op == "":
		return f.Errno
	}
	return &fs.PathError{Op: f.Op, Path: name, Err: f.Errno}
}

// notRecorded: the question was not asked when the capture was taken.
type notRecorded string

func (e notRecorded) Error() string { return string(e) + " is not recorded in the capture" }

func isNotRecorded(err error) bool {
	var e notRecorded
	return errors.As(err, &e)
}

// questions that a capture had no answer to.
type questions struct {
	mu  sync.Mutex
	all map[string]bool
}

func (q *questions) add(what string) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.all == nil {
		q.all = map[string]bool{}
	}
	if len(q.all) < maxQuestions {
		q.all[plain(what)] = true
	}
	return notRecorded(what)
}

const maxQuestions = 1000

func (q *questions) list() []string {
	q.mu.Lock()
	defer q.mu.Unlock()
	var all []string
	for what := range q.all {
		all = append(all, what)
	}
	slices.Sort(all)
	return all
}
