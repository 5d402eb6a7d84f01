// Package readme reads the commands of README.md and what they print, for the tests that run them.
package readme

import (
	"regexp"
	"strings"
)

// Block is one fenced block.
type Block struct {
	Language string
	Section  string // the heading above it, of whatever level
	Lines    []string
}

// Blocks reads the fenced blocks of a text, in order.
func Blocks(text string) []Block {
	var found []Block
	section, inside := "", false
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		language, fence := strings.CutPrefix(line, "```")
		switch {
		case fence && !inside:
			found = append(found, Block{Language: language, Section: section})
			inside = true
		case fence:
			inside = false
		case inside:
			last := &found[len(found)-1]
			last.Lines = append(last.Lines, line)
		case strings.HasPrefix(line, "#"):
			section = strings.TrimLeft(line, "# ")
		}
	}
	return found
}

// Step is a "$ command" line and the lines below it, which the command prints.
type Step struct {
	Command string
	Want    []string
}

// Steps reads a block of commands. Lines before the first command are a step without one.
func (b Block) Steps() []Step {
	var steps []Step
	for _, line := range b.Lines {
		if command, found := strings.CutPrefix(line, "$ "); found {
			steps = append(steps, Step{Command: command})
			continue
		}
		if len(steps) == 0 {
			steps = append(steps, Step{})
		}
		last := &steps[len(steps)-1]
		last.Want = append(last.Want, line)
	}
	return steps
}

// Matches holds output against lines in which "..." stands for anything, and alone on a line for any lines. Blanks at
// the end of a line do not count. Nothing written holds for all.
func Matches(output string, want []string) bool {
	if len(want) == 0 {
		return true
	}
	var pattern strings.Builder
	pattern.WriteString(`(?s)\A`)
	for _, line := range want {
		if line == "..." {
			pattern.WriteString(`.*`)
			continue
		}
		parts := strings.Split(strings.TrimRight(line, " "), "...")
		for i, part := range parts {
			parts[i] = regexp.QuoteMeta(part)
		}
		pattern.WriteString(strings.Join(parts, `[^\n]*`) + ` *\n?`)
	}
	return regexp.MustCompile(pattern.String() + `\z`).MatchString(output)
}
