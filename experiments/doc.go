// Package experiments reads experiments: files that say what healthy means, what is broken on purpose, and what is expected
// of the system then. [Open] and [Parse] give an [Experiment] that is whole and sound, or an error with file, line and column;
// nothing in here touches a system.
//
// A file is YAML or JSON, version v1. Every string in it may use ${name}, a variable of its configuration, and ${run.id}.
package experiments
