package main

import (
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/squall-proxy/squall/config"
	"github.com/squall-proxy/squall/internal/document"
	"github.com/squall-proxy/squall/internal/yaml"
)

const kubernetesFolder = "../../deploy/kubernetes"

// What follows is as much of Kubernetes' objects as the example uses. They are decoded strictly: another field is a slip, or
// has to be added here.
type (
	metadata struct {
		Name   string            `json:"name"`
		Labels map[string]string `json:"labels"`
	}
	kustomization struct {
		APIVersion string   `json:"apiVersion"`
		Kind       string   `json:"kind"`
		Resources  []string `json:"resources"`
		Images     []image  `json:"images"`
	}
	image struct {
		Name   string `json:"name"`
		NewTag string `json:"newTag"`
	}
	configMap struct {
		APIVersion string            `json:"apiVersion"`
		Kind       string            `json:"kind"`
		Metadata   metadata          `json:"metadata"`
		Data       map[string]string `json:"data"`
	}
	deployment struct {
		APIVersion string   `json:"apiVersion"`
		Kind       string   `json:"kind"`
		Metadata   metadata `json:"metadata"`
		Spec       struct {
			Replicas int `json:"replicas"`
			Selector struct {
				MatchLabels map[string]string `json:"matchLabels"`
			} `json:"selector"`
			Template struct {
				Metadata metadata `json:"metadata"`
				Spec     podSpec  `json:"spec"`
			} `json:"template"`
		} `json:"spec"`
	}
	podSpec struct {
		InitContainers  []container `json:"initContainers"`
		Containers      []container `json:"containers"`
		SecurityContext struct {
			FSGroup int `json:"fsGroup"`
		} `json:"securityContext"`
		Volumes []struct {
			Name      string `json:"name"`
			ConfigMap struct {
				Name string `json:"name"`
			} `json:"configMap"`
			EmptyDir struct{} `json:"emptyDir"`
		} `json:"volumes"`
	}
	container struct {
		Name          string   `json:"name"`
		Image         string   `json:"image"`
		RestartPolicy string   `json:"restartPolicy"`
		Args          []string `json:"args"`
		Env           []struct {
			Name  string `json:"name"`
			Value string `json:"value"`
		} `json:"env"`
		StartupProbe  podProbe `json:"startupProbe"`
		LivenessProbe podProbe `json:"livenessProbe"`
		Resources     struct {
			Requests map[string]string `json:"requests"`
			Limits   map[string]string `json:"limits"`
		} `json:"resources"`
		SecurityContext struct {
			RunAsNonRoot             bool `json:"runAsNonRoot"`
			RunAsUser                int  `json:"runAsUser"`
			AllowPrivilegeEscalation bool `json:"allowPrivilegeEscalation"`
			ReadOnlyRootFilesystem   bool `json:"readOnlyRootFilesystem"`
			SeccompProfile           struct {
				Type string `json:"type"`
			} `json:"seccompProfile"`
			Capabilities struct {
				Drop []string `json:"drop"`
			} `json:"capabilities"`
		} `json:"securityContext"`
		VolumeMounts []struct {
			Name      string `json:"name"`
			MountPath string `json:"mountPath"`
			ReadOnly  bool   `json:"readOnly"`
		} `json:"volumeMounts"`
	}
	podProbe struct {
		Exec struct {
			Command []string `json:"command"`
		} `json:"exec"`
		PeriodSeconds    int `json:"periodSeconds"`
		FailureThreshold int `json:"failureThreshold"`
	}
)

// TestKubernetesExample: the objects are sound and fit together, squall takes the configuration and the arguments, and listens
// where the shop calls and the probes ask.
func TestKubernetesExample(t *testing.T) {
	var k kustomization
	readObject(t, "kustomization.yaml", &k)
	files, err := filepath.Glob(filepath.Join(kubernetesFolder, "*.yaml"))
	if err != nil || len(files) != len(k.Resources)+1 || k.Kind != "Kustomization" || k.APIVersion != "kustomize.config.k8s.io/v1beta1" {
		t.Errorf("%+v beside %v", k, files)
	}
	for _, name := range k.Resources {
		if _, err := os.Stat(filepath.Join(kubernetesFolder, name)); err != nil {
			t.Error(err)
		}
	}
	var c configMap
	readObject(t, "configmap.yaml", &c)
	var d deployment
	readObject(t, "deployment.yaml", &d)
	if c.APIVersion+c.Kind+c.Metadata.Name != "v1ConfigMapsquall" || d.APIVersion+d.Kind+d.Metadata.Name != "apps/v1Deploymentshop" {
		t.Errorf("%+v, %+v", c.Metadata, d.Metadata)
	}
	const app = "app.kubernetes.io/name"
	if pod := d.Spec.Template.Metadata.Labels[app]; pod == "" || d.Spec.Selector.MatchLabels[app] != pod {
		t.Errorf("the selector %v selects no pod %v", d.Spec.Selector.MatchLabels, pod)
	}
	pod := d.Spec.Template.Spec
	if len(pod.InitContainers) != 1 || len(pod.Containers) != 1 || pod.InitContainers[0].RestartPolicy != "Always" {
		t.Fatalf("want one sidecar and one container: %+v", pod)
	}
	volumes := map[string]string{} // the ConfigMap of each
	for _, v := range pod.Volumes {
		volumes[v.Name] = v.ConfigMap.Name
	}
	squall, mounted := pod.InitContainers[0], map[string]string{}
	for _, m := range squall.VolumeMounts {
		from, found := volumes[m.Name]
		if !found {
			t.Errorf("no volume %s", m.Name)
		}
		mounted[m.MountPath] = from
	}
	if !slices.ContainsFunc(k.Images, func(i image) bool { return i.Name == squall.Image && i.NewTag != "" }) {
		t.Errorf("the image %s has no tag", squall.Image)
	}
	if s := squall.SecurityContext; !s.RunAsNonRoot || s.RunAsUser != 65532 || s.AllowPrivilegeEscalation || !s.ReadOnlyRootFilesystem || s.SeccompProfile.Type != "RuntimeDefault" || !slices.Equal(s.Capabilities.Drop, []string{"ALL"}) || pod.SecurityContext.FSGroup != s.RunAsUser {
		t.Errorf("security %+v", s)
	}
	adminAddress := checkSidecar(t, squall, mounted, c)
	for _, p := range []podProbe{squall.StartupProbe, squall.LivenessProbe} {
		if command := strings.Join(p.Exec.Command, " "); !strings.HasPrefix(command, "/squall health http://"+adminAddress+"/") || p.PeriodSeconds == 0 {
			t.Errorf("probe %+v, and the admin API is at %s", p, adminAddress)
		}
	}
	file, err := config.Parse("squall.yaml", []byte(c.Data["squall.yaml"]))
	if err != nil {
		t.Fatal(err)
	}
	state, err := file.State(1, time.Now())
	if err != nil || len(state.Proxies) != 1 {
		t.Fatalf("%v, %v", state, err)
	}
	if env := pod.Containers[0].Env; len(env) != 1 || env[0].Value != "http://"+state.Proxies[0].Listen {
		t.Errorf("the shop calls %v, the proxy is at %s", env, state.Proxies[0].Listen)
	}
}

// checkSidecar reads squall's arguments by its own flags, and gives where its admin API listens.
func checkSidecar(t *testing.T, squall container, mounted map[string]string, c configMap) (adminAddress string) {
	t.Helper()
	if len(squall.Args) == 0 || squall.Args[0] != "serve" {
		t.Fatalf("args %v", squall.Args)
	}
	flags := newServe(system{}).Flags()
	if err := flags.Parse(squall.Args[1:]); err != nil || flags.NArg() != 0 {
		t.Fatalf("args %v: %v", squall.Args, err)
	}
	path, _ := flags.GetString("config")
	if mounted[filepath.Dir(path)] != c.Metadata.Name || c.Data[filepath.Base(path)] == "" {
		t.Errorf("--config %s is not in %v", path, mounted)
	}
	state, _ := flags.GetString("state")
	if from, found := mounted[filepath.Dir(state)]; !found || from != "" {
		t.Errorf("--state %s is in no volume that can be written", state)
	}
	adminAddress, _ = flags.GetString("admin-listen")
	if host, _, err := net.SplitHostPort(adminAddress); err != nil || !net.ParseIP(host).IsLoopback() {
		t.Errorf("--admin-listen %s wants a token", adminAddress)
	}
	return adminAddress
}

// readObject decodes a file strictly.
func readObject(t *testing.T, name string, into any) {
	t.Helper()
	text, err := yaml.ReadFile(filepath.Join(kubernetesFolder, name))
	if err != nil {
		t.Fatal(err)
	}
	node, err := yaml.Parse(text)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if err := document.Decode(node, into); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}
