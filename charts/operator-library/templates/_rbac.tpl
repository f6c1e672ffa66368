{{- define "operator-library.serviceAccount" -}}
{{- if .Values.serviceAccount.create }}
apiVersion: v1
kind: ServiceAccount
metadata:
  {{- include "operator-library.metadata" (dict "root" . "name" (include "operator-library.serviceAccountName" .) "annotations" .Values.serviceAccount.annotations) | nindent 2 }}
# The operator's Pods ask for it; no other Pod that names this account should have it unasked.
automountServiceAccountToken: false
{{- end }}
{{- end }}

{{- /*
What the operator may do: its own rules (CHART.rules.…, generated from its code) where it needs them, and nothing else.
*/}}
{{- define "operator-library.rbac" -}}
{{- if .Values.rbac.create }}
{{- $cluster := include "operator-library.clusterName" . }}
{{- with include "operator-library.clusterRules" . | trim }}
{{ include "operator-library.role" (dict "root" $ "kind" "ClusterRole" "name" $cluster "namespace" "" "rules" .) }}
{{- end }}
{{- range $namespace := .Values.watchNamespaces | uniq }}
{{ include "operator-library.role" (dict "root" $ "kind" "Role" "name" $cluster "namespace" $namespace "rules" (include (printf "%s.rules.watched" $.Chart.Name) $)) }}
{{- end }}
{{- if .Values.leaderElection.enabled }}
{{ include "operator-library.role" (dict "root" $ "kind" "Role" "name" (printf "%s-election" (include "operator-library.fullname" .)) "namespace" .Release.Namespace "rules" (include (printf "%s.rules.election" .Chart.Name) .)) }}
{{- end }}
{{- range include "operator-library.ownSecrets" . | fromYamlArray }}
{{ include "operator-library.role" (dict "root" $ "kind" "Role" "name" (printf "%s-%s" $cluster .name) "namespace" .namespace "rules" (include (printf "%s.rules.ownSecret" $.Chart.Name) .name)) }}
{{- end }}
{{- if include "operator-library.guardsMetrics" . }}
{{ include "operator-library.metricsReader" . }}
{{- end }}
{{- end }}
{{- if .Values.rbac.aggregate }}
{{- range $level := list "view" "edit" "admin" }}
{{- with include (printf "%s.rules.%s" $.Chart.Name $level) $ | trim }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  {{- include "operator-library.metadata" (dict "root" $ "name" (printf "%s-%s" (include "operator-library.clusterName" $) $level) "namespace" "" "labels" (dict (printf "rbac.authorization.k8s.io/aggregate-to-%s" $level) "true")) | nindent 2 }}
rules:
  {{- . | nindent 2 }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{- define "operator-library.clusterRules" -}}
{{- if not .Values.watchNamespaces }}
{{ include (printf "%s.rules.watched" .Chart.Name) . | trim }}
{{- end }}
{{- if include "operator-library.guardsMetrics" . }}
{{ include (printf "%s.rules.metrics" .Chart.Name) . | trim }}
{{- end }}
{{- with include (printf "%s.clusterRules" .Chart.Name) . | trim }}
{{ . }}
{{- end }}
{{- end }}

{{- /* The Secrets that the operator itself makes and writes. */}}
{{- define "operator-library.ownSecrets" -}}
{{- if and (include "operator-library.servesHttps" .) (eq .Values.certificate.mode "selfsigned") }}
- namespace: {{ .Release.Namespace | quote }}
  name: {{ include "operator-library.servingSecret" . | quote }}
{{- end }}
{{- with include (printf "%s.ownSecrets" .Chart.Name) . | trim }}
{{ . }}
{{- end }}
{{- end }}

{{- /* A role of `kind`, bound to the operator's account. */}}
{{- define "operator-library.role" -}}
{{- $metadata := include "operator-library.metadata" (dict "root" .root "name" .name "namespace" .namespace) -}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: {{ .kind }}
metadata:
  {{- $metadata | nindent 2 }}
rules:
  {{- .rules | trim | nindent 2 }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: {{ .kind }}Binding
metadata:
  {{- $metadata | nindent 2 }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: {{ .kind }}
  name: {{ .name | quote }}
subjects:
  - kind: ServiceAccount
    name: {{ include "operator-library.serviceAccountName" .root | quote }}
    namespace: {{ .root.Release.Namespace | quote }}
{{- end }}

{{- /* The right to read the metrics, and who has it. */}}
{{- define "operator-library.metricsReader" -}}
{{- $name := printf "%s-metrics-reader" (include "operator-library.clusterName" .) -}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  {{- include "operator-library.metadata" (dict "root" . "name" $name "namespace" "") | nindent 2 }}
rules:
  {{- include (printf "%s.rules.metricsReader" .Chart.Name) . | trim | nindent 2 }}
{{- with .Values.metrics.readers }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata:
  {{- include "operator-library.metadata" (dict "root" $ "name" $name "namespace" "") | nindent 2 }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: ClusterRole
  name: {{ $name | quote }}
subjects:
  {{- range . }}
  - kind: ServiceAccount
    name: {{ .name | quote }}
    namespace: {{ .namespace | quote }}
  {{- end }}
{{- end }}
{{- end }}
