module handback.example

go 1.26.0

require (
	charm.land/bubbles/v2 v2.2.1 // key bindings and the text field
	charm.land/bubbletea/v2 v2.1.1 // the screens (the live line of charmbracelet/bubbletea)
	filippo.io/age v1.3.2 // a key at rest under a passphrase
	github.com/BurntSushi/toml v1.6.0 // settings and grading policy
	github.com/OpenPrinting/goipp v1.2.0 // IPP: papers on a printer of the network
	github.com/boombuler/barcode v1.1.0 // the QR code on a paper
	github.com/charmbracelet/colorprofile v0.4.3 // holds the screens to the 16 colours of a console
	github.com/charmbracelet/ultraviolet v0.0.0-20261008173134-6b8d4baf91b4 // cells of the screens, as bubbletea draws them
	github.com/charmbracelet/x/ansi v0.11.9 // width of text; colours
	github.com/charmbracelet/x/term v0.2.2 // is that a terminal
	github.com/charmbracelet/x/vt v0.1.0 // tests: the terminal that a person looks at
	github.com/creack/pty v1.1.24 // tests: a terminal of the kernel
	github.com/diskfs/go-diskfs v1.9.4 // partition table and boot partition of a stick
	github.com/google/go-tpm v0.9.8 // TPM 2.0 commands
	github.com/gowebpki/jcs v1.0.2 // canonical JSON (RFC 8785)
	github.com/jaypipes/ghw v0.27.0 // facts about the machine
	github.com/jung-kurt/gofpdf v1.16.2 // lays out a paper
	github.com/klauspost/compress v1.18.5 // zstd of the initramfs
	github.com/rogpeppe/go-internal v1.16.0 // tests: the commands as a script would use them
	github.com/santhosh-tekuri/jsonschema/v6 v6.0.3 // tests: records against the published schema
	github.com/u-root/u-root v0.16.0 // cpio of the initramfs
	golang.org/x/image v0.36.0 // widths of letters; the Go fonts, which the letters of a label are
	golang.org/x/net v0.58.0 // tests read web pages with its HTML parser
	golang.org/x/sys v0.49.0 // ioctls, mounts, O_DIRECT
	golang.org/x/term v0.45.0 // raw mode of a terminal
	golang.org/x/text v0.41.0 // a letter and its accent that were typed apart, made one; tests: which way a letter runs
	pgregory.net/rapid v1.3.0 // tests: properties
)

require (
	charm.land/lipgloss/v2 v2.0.6 // indirect
	filippo.io/hpke v0.4.0 // indirect
	github.com/anchore/go-lzo v0.1.0 // indirect
	github.com/atotto/clipboard v0.1.4 // indirect
	github.com/charmbracelet/x/exp/ordered v0.1.0 // indirect
	github.com/charmbracelet/x/termios v0.1.1 // indirect
	github.com/charmbracelet/x/windows v0.2.2 // indirect
	github.com/clipperhouse/displaywidth v0.11.0 // indirect
	github.com/clipperhouse/uax29/v2 v2.7.0 // indirect
	github.com/djherbis/times v1.6.0 // indirect
	github.com/dustin/go-humanize v1.0.1 // indirect
	github.com/elliotwutingfeng/asciiset v0.0.0-20260129054604-cfde2086bc57 // indirect
	github.com/go-ole/go-ole v1.2.6 // indirect
	github.com/google/uuid v1.6.0 // indirect
	github.com/jaypipes/pcidb v1.1.1 // indirect
	github.com/lucasb-eyer/go-colorful v1.4.1 // indirect
	github.com/mattn/go-runewidth v0.0.30 // indirect
	github.com/muesli/cancelreader v0.2.2 // indirect
	github.com/pierrec/lz4/v4 v4.1.26 // indirect
	github.com/pkg/xattr v0.4.12 // indirect
	github.com/rivo/uniseg v0.4.7 // indirect
	github.com/sirupsen/logrus v1.9.4 // indirect
	github.com/u-root/uio v0.0.0-20240224005618-d2acac8f3701 // indirect
	github.com/ulikunitz/xz v0.5.15 // indirect
	github.com/xo/terminfo v1.0.0 // indirect
	github.com/yusufpapurcu/wmi v1.2.4 // indirect
	golang.org/x/crypto v0.55.0 // indirect
	golang.org/x/sync v0.22.0 // indirect
	golang.org/x/tools v0.49.0 // indirect
	gopkg.in/yaml.v3 v3.0.1 // indirect
	howett.net/plist v1.0.2-0.20250314012144-ee69052608d9 // indirect
)
