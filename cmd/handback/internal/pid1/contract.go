package pid1

// Exit codes with which the engine process asks PID 1 for something. Any other
// end of the engine is a crash: it is started again and resumes from the journal.
const (
	ExitPowerOff = 10
	ExitReboot   = 11
)

// Words that PID 1 starts this program with: '/init engine', '/init screen'.
const (
	EngineCommand = "engine"
	ScreenCommand = "screen"
)

// ScreenUID and ScreenGID are the screens'. The engine makes its socket
// (wire.SocketPath) accessible to this group and to nobody else: 0660, root:ScreenGID.
const (
	ScreenUID = 1000
	ScreenGID = 1000
)

// EnvTTY names the environment variable that tells a screen where it is: 'tty1'
// or 'ttyS1'. Standard input and output are that terminal, standard error is the
// log.
const EnvTTY = "HANDBACK_TTY"

const (
	// TTYConsole and TTYSerial are the values of EnvTTY.
	TTYConsole = "tty1"
	TTYSerial  = "ttyS1"
)

// FirstFrameEvent is the event (package eventlog) that a screen sends when its
// first frame is drawn; other lines of a screen are logged as text, so that an
// unprivileged process can't speak for the engine.
const FirstFrameEvent = "first-frame"

// HardwareReady is a file that is there once the drivers of all devices that the
// machine had at power-on were loaded. Drives may still need a moment to answer.
const HardwareReady = "/run/handback.hardware-ready"

// Files that the image brings.
const (
	modulesIndex = "/lib/handback/modules.index"
	consoleFont  = "/lib/handback/console.psf"
	program      = "/init"
)
