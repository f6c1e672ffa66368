{{- /*
Names and labels.

A namespace holds one installation of an operator: its replicas share one Lease, whose name is the operator's. So the
objects are named for the operator and not for the release, and Helm itself refuses a second release that would make
them again.
*/}}

{{- /* What the operator calls itself; its chart says it. */}}
{{- define "operator-library.name" -}}
{{ include (printf "%s.name" .Chart.Name) . }}
{{- end }}

{{- define "operator-library.fullname" -}}
{{ .Values.fullnameOverride | default (include "operator-library.name" .) }}
{{- end }}

{{- /* For objects outside of the release's namespace. Neither part holds a dot, so no two installations share it. */}}
{{- define "operator-library.clusterName" -}}
{{ include "operator-library.fullname" . }}.{{ .Release.Namespace }}
{{- end }}

{{- define "operator-library.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{ .Values.serviceAccount.name | default (include "operator-library.fullname" .) }}
{{- else -}}
{{ .Values.serviceAccount.name | default "default" }}
{{- end }}
{{- end }}

{{- define "operator-library.selectorLabels" -}}
app.kubernetes.io/name: {{ include "operator-library.name" . }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end }}

{{- define "operator-library.ownLabels" -}}
{{ include "operator-library.selectorLabels" . }}
app.kubernetes.io/component: operator
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{- /*
The labels of an object: a dict of `root` and, beside those that all objects have, `labels`. What the chart selects by
cannot be taken away.
*/}}
{{- define "operator-library.labels" -}}
{{- merge (include "operator-library.ownLabels" .root | fromYaml) (.labels | default dict) (.root.Values.labels | default dict) | toYaml }}
{{- end }}

{{- /*
The metadata of an object: a dict of `root`, and where they are not the release's namespace and the full name, of
`namespace` (empty for none) and `name`; `labels` and `annotations` are added to those that all objects have.
*/}}
{{- define "operator-library.metadata" -}}
{{- $root := .root -}}
name: {{ .name | default (include "operator-library.fullname" $root) | quote }}
{{- $namespace := hasKey . "namespace" | ternary .namespace $root.Release.Namespace }}
{{- with $namespace }}
namespace: {{ . | quote }}
{{- end }}
labels:
  {{- include "operator-library.labels" . | nindent 2 }}
{{- with merge (dict) (.annotations | default dict) ($root.Values.annotations | default dict) }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
