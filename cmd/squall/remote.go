package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/squall-proxy/squall/admin"
	"github.com/squall-proxy/squall/internal/document"
	"github.com/squall-proxy/squall/internal/yaml"
)

// remote are the flags of the commands that ask a running squall.
type remote struct {
	url, tokenFile string
}

func (r *remote) addFlags(cmd *cobra.Command) {
	flags := cmd.PersistentFlags()
	flags.StringVar(&r.url, "admin", "http://127.0.0.1:8474", "URL of the running squall's admin API")
	flags.StringVar(&r.tokenFile, "token-file", "", "file with the token that it asks for")
	if err := flags.SetAnnotation("admin", variable, []string{"SQUALL_ADMIN_URL"}); err != nil {
		panic(err) // the flag was defined two lines above
	}
}

// client is the running squall's API. Close it.
func (r *remote) client(sys system) (*admin.Client, error) {
	token, err := adminToken(r.tokenFile, sys)
	if err != nil {
		return nil, usageError{err}
	}
	client, err := admin.NewClient(r.url, token)
	if err != nil {
		return nil, usageError{err}
	}
	return client, nil
}

// ask sends one request to the running squall and prints its answer.
func (r *remote) ask(ctx context.Context, sys system, method, path string, body any) error {
	client, err := r.client(sys)
	if err != nil {
		return err
	}
	defer client.Close()
	answer, err := client.Do(ctx, method, path, body)
	if err != nil {
		return r.explain(err)
	}
	_, err = sys.out.Write(answer)
	return err
}

// explain says what an error in asking most likely means.
func (r *remote) explain(err error) error {
	if errors.Is(err, syscall.ECONNREFUSED) {
		return fmt.Errorf("is squall running? Nobody listens at %s: %w", r.url, err)
	}
	return err
}

// readDocument reads a YAML or JSON file that is to be sent.
func readDocument(path string) (*document.Node, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	node, err := yaml.Parse(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return node, nil
}
