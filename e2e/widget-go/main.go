// Widget-go is the widgets' operator on controller-runtime, to be compared
// with the one on operator-core: the same job, with the settings that serve
// controller-runtime best. Its client is not throttled, caches hold no
// managedFields, the queue has priorities, a standby's caches are warm, reads
// show what was written before.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"reflect"
	"strconv"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	coreapply "k8s.io/client-go/applyconfigurations/core/v1"
	metaapply "k8s.io/client-go/applyconfigurations/meta/v1"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
)

const (
	name      = "widget-go"
	managedBy = "app.kubernetes.io/managed-by"
)

var errAsked = errors.New("the spec asks for a failure")

type reconciler struct {
	client.Client
	revision string
}

func (r *reconciler) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	var widget Widget
	if err := r.Get(ctx, request.NamespacedName, &widget); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if widget.DeletionTimestamp != nil {
		return ctrl.Result{}, nil
	}
	if widget.Spec.Fails {
		if err := r.report(ctx, &widget, false, "Failing", errAsked.Error()); err != nil {
			return ctrl.Result{}, err
		}
		return ctrl.Result{}, errAsked
	}
	if err := r.apply(ctx, &widget); err != nil {
		return ctrl.Result{}, err
	}
	return ctrl.Result{}, r.report(ctx, &widget, true, "Applied", "the config map is as the spec says")
}

func (r *reconciler) apply(ctx context.Context, widget *Widget) error {
	data := map[string]string{
		"text":     widget.Spec.Text,
		"size":     strconv.FormatInt(widget.Spec.Size, 10),
		"revision": r.revision,
	}
	var live corev1.ConfigMap
	err := r.Get(ctx, client.ObjectKeyFromObject(widget), &live)
	if err == nil && reflect.DeepEqual(live.Data, data) &&
		live.Labels[managedBy] == name && metav1.IsControlledBy(&live, widget) {
		return nil
	}
	if err != nil && !apierrors.IsNotFound(err) {
		return err
	}
	child := coreapply.ConfigMap(widget.Name, widget.Namespace).
		WithLabels(map[string]string{managedBy: name}).
		WithOwnerReferences(metaapply.OwnerReference().
			WithAPIVersion(groupVersion.String()).WithKind("Widget").
			WithName(widget.Name).WithUID(widget.UID).WithController(true)).
		WithData(data)
	return r.Apply(ctx, child, client.FieldOwner(name))
}

func (r *reconciler) report(ctx context.Context, widget *Widget, ready bool, reason, message string) error {
	before := widget.DeepCopy()
	status := &widget.Status
	status.Ready = ready
	status.ObservedGeneration = widget.Generation
	holds := metav1.ConditionFalse
	if ready {
		holds = metav1.ConditionTrue
		meta.RemoveStatusCondition(&status.Conditions, "Reconciling")
	}
	condition := metav1.Condition{
		Type: "Ready", Status: holds, Reason: reason, Message: message, ObservedGeneration: widget.Generation,
	}
	meta.SetStatusCondition(&status.Conditions, condition)
	if !ready {
		condition.Type, condition.Status = "Reconciling", metav1.ConditionTrue
		meta.SetStatusCondition(&status.Conditions, condition)
	}
	if equality.Semantic.DeepEqual(before.Status, widget.Status) {
		return nil
	}
	return r.Status().Patch(ctx, widget, client.MergeFrom(before), client.FieldOwner(name))
}

func main() {
	workers := flag.Int("workers", 16, "how many widgets are worked on at once")
	revision := flag.String("revision", "1", "goes to every config map")
	lease := flag.String("lease-namespace", "", "the namespace of the Lease; without it this replica always leads")
	flag.Parse()
	if err := run(*workers, *revision, *lease); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// token reads the current user's token from the file of the flag --kubeconfig.
func token() (string, error) {
	kubeconfig, err := clientcmd.LoadFromFile(flag.Lookup("kubeconfig").Value.String())
	if err != nil {
		return "", err
	}
	current := kubeconfig.Contexts[kubeconfig.CurrentContext]
	if current == nil || kubeconfig.AuthInfos[current.AuthInfo] == nil {
		return "", errors.New("the kubeconfig names no user")
	}
	return kubeconfig.AuthInfos[current.AuthInfo].Token, nil
}

func run(workers int, revision, lease string) error {
	ctrl.SetLogger(logr.Discard())
	klog.SetLogger(logr.Discard())
	config, err := ctrl.GetConfig()
	if err != nil {
		return err
	}
	config.QPS = -1
	// Without TLS and a dialer client-go falls back to net/http's own transport,
	// which keeps two connections. With either it keeps as many as it uses.
	config.Dial = (&net.Dialer{Timeout: 30 * time.Second, KeepAlive: 30 * time.Second}).DialContext
	if config.BearerToken == "" {
		// client-go sends no credentials without TLS, and the recording proxy speaks plain HTTP.
		if config.BearerToken, err = token(); err != nil {
			return err
		}
	}
	scheme := runtime.NewScheme()
	utilruntime.Must(clientgoscheme.AddToScheme(scheme))
	utilruntime.Must(addToScheme(scheme))
	yes := true
	manager, err := ctrl.NewManager(config, ctrl.Options{
		Scheme: scheme,
		// Else the config map's event often finds the widget as it was before its status was written, which then is
		// written twice.
		Client:                        client.Options{Cache: &client.CacheOptions{EnableReadYourWritesConsistency: &yes}},
		Cache:                         cache.Options{DefaultTransform: cache.TransformStripManagedFields()},
		Metrics:                       metricsserver.Options{BindAddress: "0"},
		LeaderElection:                lease != "",
		LeaderElectionNamespace:       lease,
		LeaderElectionID:              "widget-go.widgets.example.com",
		LeaderElectionReleaseOnCancel: true,
	})
	if err != nil {
		return err
	}
	err = ctrl.NewControllerManagedBy(manager).
		For(&Widget{}).
		Owns(&corev1.ConfigMap{}).
		WithOptions(controller.Options{
			MaxConcurrentReconciles: workers,
			UsePriorityQueue:        &yes,
			EnableWarmup:            &yes,
		}).
		Complete(&reconciler{Client: manager.GetClient(), revision: revision})
	if err != nil {
		return err
	}
	return manager.Start(ctrl.SetupSignalHandler())
}
