// Package fabric gets a virtual machine to drives on NVMe/TCP: an address in QEMU's
// user network, and the kernel's word for a controller. The appliance under
// 'handback-image try' and the test guest do it alike; nothing of it runs on a real
// machine.
package fabric

import (
	"fmt"
	"os"
	"strings"
)

// Modules of the kernel that must be loaded first, by name.
var Modules = []string{"e1000e", "nvme_tcp"}

const control = "/dev/nvme-fabrics"

// Ask the kernel for a controller, by what it takes on /dev/nvme-fabrics
// ('transport=tcp,traddr=…'), and give its name, 'nvme0'. The call comes back when
// the controller is there, or can't be had.
func Ask(options string) (string, error) {
	f, err := os.OpenFile(control, os.O_RDWR, 0)
	if err != nil {
		return "", err
	}
	defer f.Close()
	if _, err := f.WriteString(options); err != nil {
		return "", fmt.Errorf("connect by NVMe/TCP (%s): %w", options, err)
	}
	b := make([]byte, 256)
	n, err := f.Read(b)
	if err != nil {
		return "", err
	}
	return instance(string(b[:n]))
}

// instance of 'instance=0,cntlid=1'.
func instance(answer string) (string, error) {
	for word := range strings.SplitSeq(strings.TrimSpace(answer), ",") {
		if n, ok := strings.CutPrefix(word, "instance="); ok {
			return "nvme" + n, nil
		}
	}
	return "", fmt.Errorf("%s answers %q", control, answer)
}
