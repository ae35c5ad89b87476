// Package inspect learns facts about a machine and its drives, and changes
// nothing. A fact that could not be read is unknown, never 'no'.
package inspect

import (
	"time"

	"handback.example/inspect/drive"
)

// Schema of the Report that this package writes.
const Schema = "handback.report/1"

// Fact is a value that may not be known. Its zero value is unknown.
type Fact[T any] struct {
	Known  bool   `json:"known"`
	Value  T      `json:"value,omitempty"`
	Source string `json:"source,omitempty"` // where it was read: 'SMBIOS type 1', 'sysfs', 'IDENTIFY word 47'
	Why    string `json:"why,omitempty"`    // why it is unknown, for people
}

// Known makes a fact.
func Known[T any](v T, source string) Fact[T] { return Fact[T]{Known: true, Value: v, Source: source} }

// Unknown makes a fact that could not be read.
func Unknown[T any](source, why string) Fact[T] { return Fact[T]{Source: source, Why: why} }

// Report is what is known about one machine at one moment.
type Report struct {
	Schema  string    `json:"schema"`
	Taken   time.Time `json:"taken"` // the machine's clock: a claim
	Machine Machine   `json:"machine"`
	CPU     CPU       `json:"cpu"`
	Memory  Memory    `json:"memory"`
	Battery []Battery `json:"battery"`
	// Supplies that the firmware names; adapters outside the machine are none.
	Supplies []PowerSupply `json:"power_supplies"`
	Displays []Display     `json:"displays"`
	GPU      []string      `json:"gpu"`
	Network  []NIC         `json:"network"`
	Devices  Devices       `json:"devices"`
	Ports    []Port        `json:"ports"`
	Slots    []Slot        `json:"slots"`
	Firmware Firmware      `json:"firmware"`
	// Residue of a former owner in the platform: every item that was looked for.
	Residue []Residue `json:"residue"`
	TPM     TPM       `json:"tpm"`
	Drives  []Drive   `json:"drives"`
	// Mains is whether the machine runs on mains power.
	Mains Fact[bool] `json:"mains"`
	// Unhandled are media or controllers that stand in the way of saying 'every drive
	// of this machine'. Empty and not nil: they were looked for, where Looked says, and
	// there are none.
	Unhandled []Finding `json:"unhandled"`
	// Looked is where it was looked for hidden media, for people: 'PCI bus: 14 devices,
	// 2 storage controllers among them'.
	Looked []string `json:"looked,omitempty"`
	// Missing lists what could not be read, for people.
	Missing []string `json:"missing"`
	// Notes say what was done to the machine before this was read, or that it was read
	// of a capture, for people.
	Notes []string `json:"notes,omitempty"`
}

// Finding is something that a person must know or mend.
type Finding struct {
	Code string `json:"code"` // stable: 'raid-mode', 'remapped-nvme', 'no-driver'
	What string `json:"what"`
	Do   string `json:"do"`
}

// Machine as SMBIOS names it. Text is clean.
type Machine struct {
	Maker    Fact[string] `json:"maker"`
	Model    Fact[string] `json:"model"`
	Version  Fact[string] `json:"version"` // Lenovo's product name stands here
	SKU      Fact[string] `json:"sku"`
	Family   Fact[string] `json:"family"`
	Serial   Fact[string] `json:"serial"`
	UUID     Fact[string] `json:"uuid"` // SMBIOS type 1, lower-case with dashes
	AssetTag Fact[string] `json:"asset_tag"`
	Board    Fact[string] `json:"board"` // maker and model of the main board (SMBIOS type 2)
	// Kind is one of the words below; its source says by what it was told.
	Kind Fact[string] `json:"kind"`
	BIOS Fact[string] `json:"bios"` // vendor, version, date
	// Year of manufacture, as near as the machine itself tells: the source says
	// whether it is the year of a part or of the model.
	Year Fact[int] `json:"year"`
	// Hypervisor: the machine is virtual (CPUID, DMI).
	Hypervisor Fact[bool] `json:"hypervisor"`
}

// Kinds of machine. In a tablet the computer stands behind the screen, with a
// keyboard that comes off or without one; a convertible keeps its keyboard and
// folds or turns.
const (
	KindLaptop      = "laptop"
	KindConvertible = "convertible"
	KindTablet      = "tablet"
	KindDesktop     = "desktop"
	KindAllInOne    = "all-in-one"
	KindMiniPC      = "mini-pc"
	KindStickPC     = "stick-pc"
	KindServer      = "server"
	KindVirtual     = "virtual"
)

// CPU of the machine (the first package).
type CPU struct {
	Model  Fact[string] `json:"model"`
	Family Fact[string] `json:"family"` // as its maker names it: 'Core i5, 8th generation'
	// Windows11 is whether Microsoft supports Windows 11 on this processor. Memory,
	// TPM, Secure Boot and storage are further conditions and stand elsewhere.
	Windows11 Fact[bool] `json:"windows_11"`
	Cores     Fact[int]  `json:"cores"`
	Threads   Fact[int]  `json:"threads"`
}

// Memory of the machine.
type Memory struct {
	Bytes   Fact[int64]    `json:"bytes"` // physical, as fitted
	Modules []MemoryModule `json:"modules"`
	Slots   Fact[int]      `json:"slots"` // SMBIOS type 17, empty ones too; soldered memory counts
	Max     Fact[int64]    `json:"max"`   // bytes that the board takes (SMBIOS type 16)
	ECC     Fact[bool]     `json:"ecc"`   // errors are corrected (SMBIOS type 16)
}

// MemoryModule is one SMBIOS type 17 with a module in it.
type MemoryModule struct {
	Slot  string `json:"slot"`
	Bytes int64  `json:"bytes"`
	Kind  string `json:"kind"` // DDR4
	Speed int    `json:"mt_s"` // MT/s
	Maker string `json:"maker"`
	Part  string `json:"part"`
	Form  string `json:"form"` // 'SODIMM', 'DIMM', 'row of chips'; empty: not told
	// Soldered memory can't be replaced.
	Soldered Fact[bool] `json:"soldered"`
}

// Battery as the kernel's power_supply class shows it, and by SMBIOS type 22 where that
// says nothing.
type Battery struct {
	Name      string        `json:"name"`
	DesignWh  Fact[float64] `json:"design_wh"`
	FullWh    Fact[float64] `json:"full_wh"`
	HealthPct Fact[int]     `json:"health_pct"` // full / design
	ChargePct Fact[int]     `json:"charge_pct"`
	Cycles    Fact[int]     `json:"cycles"`    // 0 from firmware is unknown
	Chemistry Fact[string]  `json:"chemistry"` // 'Li-ion', 'Li-poly'
	Maker     Fact[string]  `json:"maker"`
	Model     Fact[string]  `json:"model"`
	Serial    Fact[string]  `json:"serial"`
	Year      Fact[int]     `json:"year"` // of manufacture
}

// PowerSupply that is built in (SMBIOS type 39).
type PowerSupply struct {
	Name  string       `json:"name"`
	Maker Fact[string] `json:"maker"`
	Model Fact[string] `json:"model"`
	Watts Fact[int]    `json:"watts"` // the most that it gives for long
}

// Display from its EDID.
type Display struct {
	Connector string `json:"connector"`
	Maker     string `json:"maker"`
	Model     string `json:"model"`
	Serial    string `json:"serial,omitempty"`
	Width     int    `json:"width"` // pixels
	Height    int    `json:"height"`
	// DiagonalMM of the picture, 0 where it is not told.
	DiagonalMM int `json:"diagonal_mm,omitempty"`
	Year       int `json:"year,omitempty"` // of manufacture or of the model
	// Internal: it is the machine's own screen, by its connector.
	Internal bool `json:"internal"`
	// Problem with its EDID: what stands above may then be wrong.
	Problem string `json:"problem,omitempty"`
}

// NIC is one network interface.
type NIC struct {
	Name string `json:"name"`
	MAC  string `json:"mac"`
	Kind string `json:"kind"` // ethernet, wifi, wwan
}

// Devices says which parts a machine has that are not in the lists above. 'No' is
// said only where every bus was read on which such a part hangs.
type Devices struct {
	WiFi        Fact[bool] `json:"wifi"`
	Bluetooth   Fact[bool] `json:"bluetooth"`
	WWAN        Fact[bool] `json:"wwan"`
	Camera      Fact[bool] `json:"camera"`
	Fingerprint Fact[bool] `json:"fingerprint"`
	Touchscreen Fact[bool] `json:"touchscreen"`
	Touchpad    Fact[bool] `json:"touchpad"`
	Smartcard   Fact[bool] `json:"smartcard"`
	Sound       Fact[bool] `json:"sound"` // a sound card, whose speakers may be a display's
}

// Port is a connector on the outside of the machine (SMBIOS type 8).
type Port struct {
	Name string `json:"name"`
	Kind string `json:"kind"` // 'USB', 'RJ-45', 'HDMI'
}

// Slot is a place for a card on the board (SMBIOS type 9).
type Slot struct {
	Name  string     `json:"name"`
	Kind  string     `json:"kind"` // 'M.2', 'PCI Express'
	InUse Fact[bool] `json:"in_use"`
}

// Residue is what a former owner may have left in the machine apart from its drives.
type Residue struct {
	Item     string `json:"item"`     // 'boot entries of a former system'
	State    string `json:"state"`    // one of the words below
	Evidence string `json:"evidence"` // what was read, for people
	// Removable is what of it can be taken away without harm to the machine. Empty:
	// nothing, or there is nothing.
	Removable []Leftover `json:"removable,omitempty"`
}

// Leftover is one thing that a former owner or a system of theirs left in the platform, as
// it was read: what is something else by then must not be removed in its place.
type Leftover struct {
	Kind   string `json:"kind"`   // one of the words below
	Name   string `json:"name"`   // as the kernel names it: 'Boot0003-8be4df61-...', 'dell-wmi-sysman/Asset'
	What   string `json:"what"`   // for people: 'Windows Boot Manager'
	SHA256 string `json:"sha256"` // of the bytes that the kernel gave, hex
}

// Kinds of leftover.
const (
	LeftBootEntry = "boot-entry" // Boot#### of UEFI
	LeftVariable  = "variable"   // another variable of UEFI
	LeftAssetTag  = "asset-tag"  // a setting of the firmware
)

// States of a residue that was looked for.
const (
	ResidueAbsent  = "absent"
	ResiduePresent = "present"
	ResidueUnknown = "unknown"
)

// Firmware of the machine and how it booted.
type Firmware struct {
	UEFI       Fact[bool] `json:"uefi"`
	SecureBoot Fact[bool] `json:"secure_boot"`
	SetupMode  Fact[bool] `json:"setup_mode"`
	// Lockdown of the running kernel: none, integrity, confidentiality.
	Lockdown Fact[string] `json:"lockdown"`
	// Passwords of the firmware, as SMBIOS type 24 or the kernel's firmware-attributes tell.
	PowerOnPassword Fact[bool] `json:"power_on_password"`
	AdminPassword   Fact[bool] `json:"admin_password"`
}

// TPM of the machine.
type TPM struct {
	Present  Fact[bool]   `json:"present"`
	Version  Fact[string] `json:"version"` // '2.0', '1.2'
	Maker    Fact[string] `json:"maker"`
	Firmware Fact[string] `json:"firmware"`
	// LockoutAuthSet is TPM_PT_PERMANENT bit 2: then TPM2_Clear by lockout is
	// never tried.
	LockoutAuthSet Fact[bool]   `json:"lockout_auth_set"`
	DisableClear   Fact[bool]   `json:"disable_clear"`
	InLockout      Fact[bool]   `json:"in_lockout"`
	OwnerAuthSet   Fact[bool]   `json:"owner_auth_set"`
	EKHash         Fact[string] `json:"ek_hash"` // SHA-256 of the EK's public area, hex
}

// Drive is one drive (for NVMe: one namespace).
type Drive struct {
	Path     string         `json:"path"` // '/dev/nvme0n1'
	Identity drive.Identity `json:"identity"`
	Geometry drive.Geometry `json:"geometry"`
	// Provenance is set by how the drive was opened, not by what it says.
	Provenance drive.Provenance `json:"provenance"`
	Removable  Fact[bool]       `json:"removable"`
	Rotational Fact[bool]       `json:"rotational"`
	// Zoned: 'none', 'host-aware', 'host-managed' (Documentation/ABI/stable/sysfs-block).
	Zoned Fact[string] `json:"zoned"`
	// Special is a kind of medium that needs commands which are not here: 'ufs',
	// 'pmem'; 'unknown' where that could not be read. Empty elsewhere.
	Special string `json:"special,omitempty"`
	// Where it hangs on the machine, for whoever must pull the right one: 'SATA port 2 of
	// the controller at PCI 0000:00:17.0'. Empty: not known.
	Where string `json:"where,omitempty"`
	// Boot is true for the medium that this system was started from.
	Boot bool `json:"boot"`
	// InUse says who holds it: '/ is mounted from it'. Empty: nobody.
	InUse []string `json:"in_use"`
	// Holds is what raw reads found: 'Windows', 'ext4', 'BitLocker'.
	Holds  []string `json:"holds"`
	NVMe   *NVMe    `json:"nvme,omitempty"`
	ATA    *ATA     `json:"ata,omitempty"`
	SCSI   *SCSI    `json:"scsi,omitempty"`
	MMC    *MMC     `json:"mmc,omitempty"`
	Opal   *Opal    `json:"opal,omitempty"`
	Health Health   `json:"health"`
	// Problems: what the drive would not answer, for people. A drive without a
	// usable identity is never erased by serial.
	Problems []string `json:"problems"`
}

// NVMe is what decides about techniques on an NVMe namespace.
type NVMe struct {
	Controller    string       `json:"controller"` // '/dev/nvme0'
	Transport     string       `json:"transport"`  // pcie, tcp
	Format        Fact[bool]   `json:"format"`     // OACS bit 1
	FNA           Fact[uint8]  `json:"fna"`        // Format NVM Attributes
	SANICAP       Fact[uint32] `json:"sanicap"`
	LBAFormat     Fact[uint8]  `json:"lba_format"` // FLBAS in use
	MetadataBytes Fact[int]    `json:"metadata_bytes"`
	Namespaces    Fact[int]    `json:"namespaces"` // active
	Unattached    Fact[int]    `json:"unattached"` // allocated, not active
	// SanitizeState by log 81h: one of the words at ATA.
	SanitizeState Fact[string] `json:"sanitize_state"`
	BootBytes     Fact[int64]  `json:"boot_bytes"` // of its boot partitions
	RPMB          Fact[bool]   `json:"rpmb"`       // it has replay protected memory
	// Times of a sanitize as log 81h estimates them; unknown where it says FFFFFFFFh.
	BlockTime     Fact[time.Duration] `json:"block_time_ns"`
	CryptoTime    Fact[time.Duration] `json:"crypto_time_ns"`
	OverwriteTime Fact[time.Duration] `json:"overwrite_time_ns"`
}

// ATA is what decides about techniques on an ATA drive.
type ATA struct {
	Security  Fact[uint16] `json:"security"`   // IDENTIFY word 128
	Sanitize  Fact[uint16] `json:"sanitize"`   // IDENTIFY word 59
	NativeMax Fact[int64]  `json:"native_max"` // bytes, READ NATIVE MAX ADDRESS EXT + 1
	// Hidden is known to be true where the drive hides capacity, even where how
	// much could not be read; never known to be false, for there are other ways.
	Hidden Fact[bool] `json:"hidden"`
	// DCOMax is the size that DEVICE CONFIGURATION IDENTIFY tells, bytes; AMA is true
	// where the drive has Accessible Max Address in place of HPA.
	DCOMax Fact[int64] `json:"dco_max"`
	AMA    Fact[bool]  `json:"ama"`
	// EraseTime and EnhancedTime of SECURITY ERASE UNIT, IDENTIFY words 89 and 90.
	EraseTime    Fact[time.Duration] `json:"erase_time_ns"`
	EnhancedTime Fact[time.Duration] `json:"enhanced_time_ns"`
	// SanitizeState by SANITIZE STATUS EXT: one of the words below.
	SanitizeState Fact[string] `json:"sanitize_state"`
}

// Locked by a password: without it the drive gives nobody its blocks (bit 2 of IDENTIFY
// DEVICE word 128, ACS-4 clause 9.11.8.5). False too where that is not known.
func (a *ATA) Locked() bool {
	return a != nil && a.Security.Known && a.Security.Value&(1<<2) != 0
}

// States of a sanitize that a drive runs by itself.
const (
	SanitizeIdle    = "idle"
	SanitizeRunning = "running"
	SanitizeFailed  = "failed"
	SanitizeFrozen  = "frozen"
)

// SCSI is what decides about techniques on a SCSI drive.
type SCSI struct {
	// By REPORT SUPPORTED OPERATION CODES.
	SanitizeBlock     Fact[bool]   `json:"sanitize_block"`
	SanitizeCrypto    Fact[bool]   `json:"sanitize_crypto"`
	SanitizeOverwrite Fact[bool]   `json:"sanitize_overwrite"`
	FormatUnit        Fact[bool]   `json:"format_unit"`
	SanitizeState     Fact[string] `json:"sanitize_state"` // by REQUEST SENSE
	// MaxBytes is the size with everything that MODE SELECT hides, where it is known.
	MaxBytes  Fact[int64] `json:"max_bytes"`
	Protected Fact[bool]  `json:"protected"` // protection information: blocks are longer than they look
}

// MMC is what decides about techniques on an eMMC.
type MMC struct {
	SecureErase Fact[bool]  `json:"secure_erase"` // EXT_CSD[231] bit 0
	Sanitize    Fact[bool]  `json:"sanitize"`     // bit 6
	BootBytes   Fact[int64] `json:"boot_bytes"`   // of both boot areas together
	RPMBBytes   Fact[int64] `json:"rpmb_bytes"`
	GPBytes     Fact[int64] `json:"gp_bytes"`  // of all general-purpose areas
	Protected   Fact[bool]  `json:"protected"` // something of it is write-protected
	GroupBytes  Fact[int64] `json:"group_bytes"`
}

// Opal is a drive's security subsystem, by level 0 discovery. nil: the drive was
// not asked, or has no way to be.
type Opal struct {
	// Supported: an SSC of the Opal family, whose Admin SP can be reverted.
	Supported Fact[bool]   `json:"supported"`
	SSC       Fact[string] `json:"ssc"`       // 'Opal 2', 'Pyrite 2', 'Enterprise'
	Activated Fact[bool]   `json:"activated"` // locking is enabled: a revert changes the key
	Locked    Fact[bool]   `json:"locked"`
	// Encrypts: the medium is encrypted, so a new key makes what was written unreadable.
	Encrypts Fact[bool] `json:"encrypts"`
	// Shadowed: the start of the drive reads as its shadow MBR, not as what is on it.
	Shadowed Fact[bool] `json:"shadowed"`
	// Owned: the owner's PIN is no longer MSID; known only where Block SID tells.
	Owned Fact[bool] `json:"owned"`
	// SIDBlocked: the firmware has blocked the owner's authority (Block SID).
	SIDBlocked Fact[bool] `json:"sid_blocked"`
}

// Health of a drive, by its own logs (see package health).
type Health struct {
	// Verdict: 'good', 'worn', 'failing'; unknown where the drive says too little.
	Verdict Fact[string] `json:"verdict"`
	// Reasons of a verdict that is not good, each with its raw value, for people.
	Reasons       []string      `json:"reasons,omitempty"`
	PowerOnH      Fact[int64]   `json:"power_on_hours"`
	WrittenB      Fact[float64] `json:"written_bytes"` // by the host
	UsedPct       Fact[int]     `json:"used_pct"`      // of the rated endurance; may exceed 100
	SparePct      Fact[int]     `json:"spare_pct"`     // of the spare blocks, left (NVMe)
	Realloc       Fact[int64]   `json:"reallocated"`   // sectors: SMART 5, SCSI grown defects
	Pending       Fact[int64]   `json:"pending"`       // sectors: SMART 197, SCSI background scan
	Uncorrectable Fact[int64]   `json:"uncorrectable"` // sectors: SMART 198
	// Reported errors that the drive could not correct: SMART 187, NVMe media errors,
	// SCSI error counters.
	Reported Fact[int64]  `json:"reported"`
	Timeouts Fact[int64]  `json:"timeouts"`         // commands: SMART 188
	Critical Fact[uint8]  `json:"critical_warning"` // NVMe SMART byte 0
	TempC    Fact[int]    `json:"temp_c"`
	SelfTest Fact[string] `json:"self_test"` // the newest that came to an end: 'passed', 'failed'
}
