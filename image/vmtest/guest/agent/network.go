package main

import (
	"context"

	"handback.example/image/fabric"
	"handback.example/image/vmtest/guest/internal/wire"
)

// Connect connects an NVMe/TCP controller and gives its name, by what the kernel
// takes on /dev/nvme-fabrics.
func (a *agent) Connect(f wire.File, r *wire.Data) error {
	name, err := a.connect(string(f.Data))
	r.Data, r.Error = []byte(name), wire.Pack(err)
	return nil
}

func (a *agent) connect(options string) (string, error) {
	a.network.Do(func() { a.networkFault = a.bringUp() })
	if a.networkFault != nil {
		return "", a.networkFault
	}
	return fabric.Ask(options)
}

// bringUp the network, where the guest was given one (guest.Config.NVMeTCP).
func (a *agent) bringUp() error {
	for _, m := range fabric.Modules {
		if err := a.modules.load(m, ""); err != nil {
			return err
		}
	}
	return fabric.BringUp(context.Background())
}
