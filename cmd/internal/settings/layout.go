package settings

// The stick, as image builds it and the appliance looks for it.
const (
	// ESPGUID and DataGUID are the unique partition GUIDs of every stick: a disk
	// that carries one of them is a Handback stick and never a target. DataType
	// is the partition type of the data partition.
	DiskGUID = "48414e44-4241-434b-8000-000000000001"
	ESPGUID  = "48414e44-4241-434b-8000-000000000002"
	DataGUID = "48414e44-4241-434b-8000-000000000003"
	DataType = "ebd0a0a2-b9e5-4433-87c0-68b6b72699c7" // Microsoft basic data, so that any office machine shows it
	// DataLabel is the volume label of the data partition.
	DataLabel = "HANDBACK"

	// On the ESP (read only for the appliance) and, for what the ESP lacks, on
	// the data partition.
	File      = "settings.toml"
	KeysDir   = "keys"
	RootPEM   = "root.pem"  // keys/root.pem: the hub's root certificate
	StickPEM  = "stick.pem" // keys/stick.pem: the stick's certificate
	StickKey  = "stick.key" // keys/stick.key: PKCS #8 in PEM, or that under a passphrase (package keylock)
	ESPFolder = "handback"  // folder of ours on the ESP: kernel, initrd, settings.toml, keys/

	// Beside them: what the boot loader starts. InitrdFile holds the appliance, and
	// its SHA-256 is what papers call the image's.
	KernelFile = "vmlinuz"
	InitrdFile = "initrd.img"

	// Folders of the data partition.
	SpoolDir        = "spool"
	CertificatesDir = "certificates"
	LabelsDir       = "labels"
	JournalDir      = "journal"
)
