package stick

import (
	"testing"
	"testing/fstest"
)

func TestReadOurs(t *testing.T) {
	esp, err := readOurs(fstest.MapFS{
		"handback/settings.toml": {Data: []byte("stick = 'S01'")}, "handback/Crest.PNG": {Data: []byte("picture")}, "handback/windows-11.csv": {Data: []byte("list")}, "handback/initrd.img": {Data: []byte("no picture")},
		"handback/.hidden.png": {Data: []byte("x")}, "handback/keys/root.pem": {Data: []byte("root")}, "handback/keys/sub/x": {Data: []byte("x")},
	})
	if err != nil {
		t.Fatal(err)
	}
	if string(esp.Settings) != "stick = 'S01'" || len(esp.Beside) != 2 || string(esp.Beside["Crest.PNG"]) != "picture" || string(esp.Beside["windows-11.csv"]) != "list" || len(esp.Keys) != 1 || string(esp.Keys["root.pem"]) != "root" {
		t.Errorf("read: %+v", esp)
	}
	if esp, err := readOurs(fstest.MapFS{}); err != nil || esp.Settings != nil || len(esp.Keys) != 0 || len(esp.Beside) != 0 {
		t.Errorf("of an empty stick: %+v, %v", esp, err)
	}
	for _, name := range []string{"handback/settings.toml", "handback/keys/root.pem", "handback/crest.png"} {
		if _, err := readOurs(fstest.MapFS{name: {Data: make([]byte, espFileMax+1)}}); err == nil {
			t.Errorf("%s of more than 1 MiB was read", name)
		}
	}
}
