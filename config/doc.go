// Package config reads files: squall.yaml, which says what a squall starts with. Whatever is wrong with a file is an
// error that names the file, the line, the column and the field.
package config
