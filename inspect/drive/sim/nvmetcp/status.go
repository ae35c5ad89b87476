package nvmetcp

// Status fields that the door itself gives (Base, figures 93 and 94); DNR, bit 14,
// with those that would be the same again.
const (
	statusDNR = 1 << 14

	statusOpcode    = statusDNR | 0x001 // Invalid Command Opcode
	statusField     = statusDNR | 0x002 // Invalid Field in Command
	statusSequence  = statusDNR | 0x00c // Command Sequence Error
	statusSGLLength = statusDNR | 0x00f // Data SGL Length Invalid
	statusSGLType   = statusDNR | 0x011 // SGL Descriptor Type Invalid
	statusSGLOffset = statusDNR | 0x016 // SGL Offset Invalid
	statusNotReady  = 0x082             // Namespace Not Ready: the host tries again
	statusLogPage   = statusDNR | 0x109 // Invalid Log Page
	statusTooMany   = statusDNR | 0x105 // Asynchronous Event Request Limit Exceeded

	statusFormat  = statusDNR | 0x180 // Connect Incompatible Format
	statusBusy    = 0x181             // Connect Controller Busy
	statusInvalid = statusDNR | 0x182 // Connect Invalid Parameters
)
