{{- define "operator-library.serviceMonitor" -}}
{{- with .Values.serviceMonitor }}
{{- if .enabled }}
apiVersion: monitoring.coreos.com/v1
kind: ServiceMonitor
metadata:
  {{- include "operator-library.metadata" (dict "root" $ "labels" .labels) | nindent 2 }}
spec:
  selector:
    matchLabels:
      {{- include "operator-library.selectorLabels" $ | nindent 6 }}
  namespaceSelector:
    matchNames: [{{ $.Release.Namespace | quote }}]
  endpoints:
    - port: metrics
      path: /metrics
      interval: {{ .interval }}
      scrapeTimeout: {{ .scrapeTimeout }}
      # `namespace` of a metric is that of the object that it is about.
      honorLabels: true
      {{- if not $.Values.metrics.secure }}
      scheme: http
      {{- else }}
      scheme: https
      tlsConfig:
        serverName: {{ include "operator-library.fullname" $ }}.{{ $.Release.Namespace }}.svc
        ca:
          secret:
            name: {{ include "operator-library.servingSecret" $ | quote }}
            key: ca.crt
      {{- with .tokenSecret }}
      {{- if .name }}
      authorization:
        type: Bearer
        credentials:
          name: {{ .name | quote }}
          key: {{ .key | quote }}
      {{- else }}
      bearerTokenFile: /var/run/secrets/kubernetes.io/serviceaccount/token
      {{- end }}
      {{- end }}
      {{- end }}
      {{- with .relabelings }}
      relabelings:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with .metricRelabelings }}
      metricRelabelings:
        {{- toYaml . | nindent 8 }}
      {{- end }}
{{- end }}
{{- end }}
{{- end }}

{{- /* What tells this installation's metrics from others': the Service is the job. */}}
{{- define "operator-library.series" -}}
job="{{ include "operator-library.fullname" . }}",namespace="{{ .Release.Namespace }}"
{{- end }}

{{- /* The same for metrics whose label `namespace` is that of an object, and what is to follow them. */}}
{{- define "operator-library.job" -}}
job="{{ include "operator-library.fullname" . }}"
{{- end }}

{{- define "operator-library.ofOwnTargets" -}}
and on (instance) operator_build_info{ {{- include "operator-library.series" . -}} }
{{- end }}

{{- define "operator-library.prometheusRule" -}}
{{- if .Values.prometheusRule.enabled }}
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  {{- include "operator-library.metadata" (dict "root" . "labels" .Values.prometheusRule.labels) | nindent 2 }}
spec:
  groups:
    - name: {{ include "operator-library.clusterName" . | quote }}
      rules:
        {{- range concat (include "operator-library.alerts" . | fromYamlArray) (include (printf "%s.alerts" .Chart.Name) . | fromYamlArray) }}
        - alert: {{ .alert }}
          expr: {{ .expr | quote }}
          for: {{ .for }}
          labels:
            severity: {{ .severity }}
            operator: {{ include "operator-library.name" $ }}
            # Else those of two installations would be one alert.
            operator_namespace: {{ $.Release.Namespace | quote }}
          annotations:
            summary: {{ .summary | quote }}
            runbook: {{ .runbook | quote }}
        {{- end }}
{{- end }}
{{- end }}

{{- define "operator-library.dashboard" -}}
{{- if .Values.dashboard.enabled }}
apiVersion: v1
kind: ConfigMap
metadata:
  {{- include "operator-library.metadata" (dict "root" . "name" (printf "%s-dashboard" (include "operator-library.fullname" .)) "labels" .Values.dashboard.labels) | nindent 2 }}
data:
  # Grafana's sidecar writes all dashboards of a cluster into one folder, each by its key.
  {{ include "operator-library.clusterName" . }}.json: |
    {{- include "operator-library.dashboardJson" . | nindent 4 }}
{{- end }}
{{- end }}

{{- /* Two panels a row, each a graph of queries with `expr` and `legend`. */}}
{{- define "operator-library.dashboardJson" -}}
{{- $name := include "operator-library.name" . }}
{{- $source := dict "type" "prometheus" "uid" "${datasource}" }}
{{- $panels := list }}
{{- range $at, $panel := concat (include (printf "%s.panels" .Chart.Name) . | fromYamlArray) (include "operator-library.panels" . | fromYamlArray) }}
{{- $targets := list }}
{{- range $number, $query := $panel.queries }}
{{- $targets = append $targets (dict "refId" (printf "%c" (add 65 $number)) "datasource" $source "expr" $query.expr "legendFormat" $query.legend) }}
{{- end }}
{{- $place := dict "h" 8 "w" 12 "x" (mul 12 (mod $at 2)) "y" (mul 8 (div $at 2)) }}
{{- $field := dict "defaults" (dict "unit" $panel.unit "min" 0) "overrides" list }}
{{- $panels = append $panels (dict "id" (add1 $at) "type" "timeseries" "title" $panel.title "description" $panel.text "datasource" $source "gridPos" $place "fieldConfig" $field "targets" $targets) }}
{{- end }}
{{- $variable := dict "name" "datasource" "label" "Data source" "type" "datasource" "query" "prometheus" }}
{{- dict "uid" (include "operator-library.clusterName" . | sha256sum | trunc 40) "title" (printf "%s in %s" $name .Release.Namespace) "tags" (list "operator-suite") "schemaVersion" 39 "version" 1 "editable" false "refresh" "30s" "time" (dict "from" "now-6h" "to" "now") "templating" (dict "list" (list $variable)) "panels" $panels | toPrettyJson }}
{{- end }}
