package pid1

import (
	"fmt"
	"os"

	"handback.example/image/modules/index"
)

// shipped is the list of modules that the image carries.
type shipped struct{ index *index.Index }

func readIndex(path string) (moduleIndex, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("the list of kernel modules: %w", err)
	}
	x, err := index.Parse(b)
	if err != nil {
		return nil, fmt.Errorf("the list of kernel modules: %s: %w", path, err)
	}
	return shipped{x}, nil
}

func (s shipped) match(modalias string) []string { return s.index.Match(modalias) }

func (s shipped) resolve(aliasOrName string) []string { return s.index.Resolve(aliasOrName) }

func (s shipped) loadOrder(name string) ([]module, error) {
	steps, err := s.index.Order(name)
	if err != nil {
		return nil, err
	}
	order := make([]module, len(steps))
	for i, step := range steps {
		order[i] = module(step)
	}
	return order, nil
}
