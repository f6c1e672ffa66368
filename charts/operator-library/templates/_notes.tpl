{{- define "operator-library.notes" -}}
{{ include "operator-library.name" . }} is installed in namespace {{ .Release.Namespace }} and runs {{ include "operator-library.image" . }}

  kubectl -n {{ .Release.Namespace }} rollout status deployment/{{ include "operator-library.fullname" . }}
  kubectl -n {{ .Release.Namespace }} logs deployment/{{ include "operator-library.fullname" . }}

It looks after {{ with .Values.watchNamespaces }}the namespaces {{ join ", " . }}{{ else }}all namespaces{{ end }}.
{{- if and .Values.crds.install (not .Values.crds.keep) }}

crds.keep is false: uninstalling this release deletes its CustomResourceDefinitions, and with them every object of
their kinds.
{{- end }}
{{- if and .Values.serviceMonitor.enabled (include "operator-library.guardsMetrics" .) (not .Values.metrics.readers) }}

metrics.readers is empty: Prometheus is refused (403) unless its account has the right to get /metrics by a role of
yours.
{{- end }}
{{- end }}
