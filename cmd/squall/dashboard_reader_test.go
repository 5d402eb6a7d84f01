package main

import (
	"slices"
	"strings"
	"testing"
)

// Whatever can be used has a name in Chromium's accessibility tree, which is what screen readers say: more than markup tells.
func TestDashboardForScreenReaders(t *testing.T) {
	b := openBoard(t, nil)
	b.squall("faults", "rule", "slow", `{"proxy":"shop","delay":"1ms"}`)
	b.says(".rule", "slow")
	b.click("#rules .body > button")
	b.is(`document.activeElement.closest(".ruleform")`)
	roles := []string{
		"button", "checkbox", "combobox", "dialog", "image", "link", "region", "searchbox", "spinbutton", "switch", "textbox",
	}
	var regions []string
	for _, node := range b.Accessible(t) {
		if slices.Contains(roles, node.Role) && strings.TrimSpace(node.Name) == "" {
			t.Errorf("a %s has no name", node.Role)
		}
		if node.Role == "region" {
			regions = append(regions, node.Name)
		}
	}
	for _, want := range []string{"Mode", "Traffic", "Rules", "Exchanges", "Connections"} {
		if !slices.Contains(regions, want) {
			t.Errorf("there is no region %q among %q", want, regions)
		}
	}
}
