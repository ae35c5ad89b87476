package boot

import (
	_ "embed"
	"strings"
)

//go:embed grub.cfg
var grubTemplate string

// commandLine of the kernel. Its early words and its last ones (panic) go to
// ttyS0 and to the display; PID 1 writes the log to ttyS0 itself. Below level 3
// nothing else of the kernel's disturbs the screen on tty1, whose cursor is off and
// which never goes dark. Only modules signed by Debian are loaded, and nothing is
// resumed from a machine's swap. (Documentation/admin-guide/kernel-parameters.txt)
const commandLine = "console=ttyS0,115200 console=tty1 loglevel=3 vt.global_cursor_default=0 consoleblank=0 module.sig_enforce=1 noresume"

// grubConfig is the file that the signed GRUB reads.
func grubConfig(n Names) []byte {
	return []byte(strings.NewReplacer(
		"@FOLDER@", n.Folder,
		"@KERNEL@", n.Kernel,
		"@INITRD@", n.Initrd,
		"@COMMAND@", commandLine,
	).Replace(grubTemplate))
}
