package html_test

import (
	"html"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestAxe asks axe-core, in a browser, what it holds against each form (WCAG 2.0 to
// 2.2, A and AA, and its best practices), and whether a page of 320 CSS pixels scrolls
// sideways. HANDBACK_AXE names axe.min.js ('npm pack axe-core@4.10.3'), and chromium
// must be installed: together 400 MB, which is why CI has neither.
func TestAxe(t *testing.T) {
	file := os.Getenv("HANDBACK_AXE")
	if file == "" {
		t.Skip("HANDBACK_AXE names no axe.min.js: it and a browser are 400 MB, which CI does not install")
	}
	axe, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range forms() {
		twin := string(make1(t, f.kind, f.v, f.by))
		for _, width := range []string{"1000", "320"} {
			said := askAxe(t, string(axe), twin, width)
			if !strings.HasPrefix(said, "passes ") || !strings.HasSuffix(said, "; violations []; unsure []; sideways 0") {
				t.Errorf("%s, %s pixels wide: axe-core says %q", f.name, width, said)
			}
		}
	}
}

func askAxe(t *testing.T, axe, twin, width string) string {
	t.Helper()
	// The policy of a twin would stop axe, too.
	page := regexp.MustCompile(`<meta http-equiv="Content-Security-Policy"[^>]*>`).ReplaceAllString(twin, "")
	page = strings.Replace(page, "</body>", `<script>`+axe+`</script><script>axe.run(document, {runOnly: {type: "tag", values:
["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}}).then(r => parent.postMessage("passes " + r.passes.length +
"; violations " + JSON.stringify(r.violations.map(v => [v.id, v.nodes[0].html])) + "; unsure " + JSON.stringify(r.incomplete.map(v => v.id)) +
"; sideways " + (document.documentElement.scrollWidth - document.documentElement.clientWidth), "*"))</script></body>`, 1)
	outer := `<!DOCTYPE html><iframe width="` + width + `" height="900" srcdoc="` + html.EscapeString(page) +
		`"></iframe><pre id="said"></pre><script>onmessage = e => document.getElementById("said").textContent = e.data</script>`
	name := filepath.Join(t.TempDir(), "outer.html")
	if err := os.WriteFile(name, []byte(outer), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--window-size=1200,1000", "--virtual-time-budget=20000", "--dump-dom", "file://"+name).Output()
	if err != nil {
		t.Fatalf("chromium: %v", err)
	}
	_, said, _ := strings.Cut(string(out), `<pre id="said">`)
	said, _, _ = strings.Cut(said, "</pre>")
	return html.UnescapeString(said)
}
