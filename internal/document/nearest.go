package document

import (
	"strings"
	"unicode/utf8"
)

// Nearest returns the one of known that name is probably a slip of, or "". It allows two slips (a letter too many, too few,
// wrong, or swapped with its neighbour), one where either name has fewer than five letters and none below three; upper and
// lower case count as the same. Of several equally near the first is returned.
func Nearest(name string, known []string) string {
	nearest, least := "", 3
	lower := []rune(strings.ToLower(name))
	for _, candidate := range known {
		limit := slips(min(len(lower), utf8.RuneCountInString(candidate)))
		if d := distance(lower, []rune(strings.ToLower(candidate))); d <= limit && d < least {
			nearest, least = candidate, d
		}
	}
	return nearest
}

// slips is how many slips a name of that many letters may have and still be recognised.
func slips(letters int) int {
	switch {
	case letters < 3:
		return 0
	case letters < 5:
		return 1
	}
	return 2
}

// distance is the Damerau-Levenshtein distance in its restricted form (optimal string alignment: no letter moves twice).
// Where the lengths alone put it beyond 2, it returns their difference, so that a name of any length costs nothing.
func distance(a, b []rune) int {
	if d := max(len(a), len(b)) - min(len(a), len(b)); d > 2 {
		return d
	}
	// rows[i][j] is the distance between the first i letters of a and the first j of b.
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			change := 1
			if a[i-1] == b[j-1] {
				change = 0
			}
			d := min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+change)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				d = min(d, rows[i-2][j-2]+1)
			}
			rows[i][j] = d
		}
	}
	return rows[len(a)][len(b)]
}
