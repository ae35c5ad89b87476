package platform

import (
	"errors"
	"fmt"
	"slices"

	"handback.example/inspect"
	"handback.example/inspect/drive"
)

// persistentMemory keeps data without power, and nothing here erases it. SMBIOS lists
// every module; where it can't be read whole, ACPI has a table of those that it knows
// (NFIT; ACPI 6.5, 5.2.26). Where neither can be read nobody can say that there are none.
func (s *survey) persistentMemory() {
	found, slots := []inspect.Finding{}, 0
	for _, t := range s.table {
		if t.kind != typeMemory {
			continue
		}
		slots++
		if keepsData(t) {
			found = append(found, inspect.Finding{Code: "persistent-memory",
				What: "a memory module that keeps its data without power is fitted in " + orSlot(drive.Clean(t.text(0x10))), Do: persistentDo})
		}
	}
	if s.whole && slots > 0 {
		s.r.Unhandled, s.r.Looked = found, append(s.r.Looked, fmt.Sprintf("memory that the firmware lists: %d", slots))
		return
	}
	names, err := s.Tree.List("sys/firmware/acpi/tables")
	if err == nil && len(names) == 0 {
		err = errors.New("the kernel gives no ACPI tables")
	}
	switch {
	case err != nil:
		s.missing("hidden drives", "whether memory is fitted that keeps its data without power: neither SMBIOS nor ACPI could be read: "+because(err))
		if len(found) == 0 {
			found = nil
		}
	case slices.Contains(names, "NFIT"):
		found = append(found, inspect.Finding{Code: "persistent-memory", What: "memory that keeps its data without power is fitted (ACPI table NFIT)", Do: persistentDo})
	default:
		s.r.Looked = append(s.r.Looked, fmt.Sprintf("ACPI tables: %d", len(names)))
	}
	s.r.Unhandled = found
}

const persistentDo = "take the module out and have it destroyed, or erase it with its maker's tool"

// keepsData by its technology (SMBIOS 7.18.6: NVDIMM-N, -F, -P, Intel Optane) or its
// kind (7.18.2, 1fh: logical non-volatile).
func keepsData(t structure) bool {
	technology := t.byte(0x28)
	return t.byte(0x12) == 0x1f || technology >= 0x04 && technology <= 0x07
}

func orSlot(slot string) string {
	if slot == "" {
		return "a slot without a name"
	}
	return "slot " + slot
}
