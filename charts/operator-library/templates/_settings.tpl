{{- /*
How settings reach the operator. What takes effect at once lies in the mounted ConfigMap; what takes a restart is in
the environment, so that a change of it rolls out Pod by Pod.
*/}}
{{- define "operator-library.settings" -}}
apiVersion: v1
kind: ConfigMap
metadata:
  {{- include "operator-library.metadata" (dict "root" .) | nindent 2 }}
data:
  {{- include (printf "%s.settings.live" .Chart.Name) . | trim | nindent 2 }}
{{- end }}

{{- define "operator-library.env" -}}
- name: CONFIG_DIR
  value: /etc/operator/settings
- name: POD_NAME
  valueFrom:
    fieldRef:
      fieldPath: metadata.name
- name: POD_NAMESPACE
  valueFrom:
    fieldRef:
      fieldPath: metadata.namespace
- name: METRICS_BIND_ADDRESS
  value: {{ .Values.metrics.enabled | ternary (printf ":%d" (int .Values.metrics.port)) "0" | quote }}
- name: HEALTH_PROBE_BIND_ADDRESS
  value: ":{{ int .Values.probes.port }}"
{{- with include "operator-library.servingEnv" . | trim }}
{{ . }}
{{- end }}
{{- with include (printf "%s.settings.env" .Chart.Name) . | trim }}
{{ . }}
{{- end }}
{{- with include "operator-library.tracesEnv" . | trim }}
{{ . }}
{{- end }}
{{- with include (printf "%s.env" .Chart.Name) . | trim }}
{{ . }}
{{- end }}
{{- with .Values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- /* Traces are set by OpenTelemetry's own variables. */}}
{{- define "operator-library.tracesEnv" -}}
{{- with .Values.otlp.endpoint }}
- name: OTEL_EXPORTER_OTLP_ENDPOINT
  value: {{ . | quote }}
{{- end }}
{{- with .Values.otlp.sampler }}
- name: OTEL_TRACES_SAMPLER
  value: {{ . | quote }}
{{- end }}
{{- with .Values.otlp.samplerArg }}
- name: OTEL_TRACES_SAMPLER_ARG
  value: {{ . | quote }}
{{- end }}
{{- with .Values.otlp.resourceAttributes }}
{{- $attributes := list }}
{{- range $name, $value := . }}
{{- $attributes = append $attributes (printf "%s=%s" $name $value) }}
{{- end }}
- name: OTEL_RESOURCE_ATTRIBUTES
  value: {{ $attributes | join "," | quote }}
{{- end }}
{{- end }}

{{- /* Parts to turn on or off, as FEATURE_GATES has them. */}}
{{- define "operator-library.gates" -}}
{{- $gates := list }}
{{- range $name, $on := . }}
{{- $gates = append $gates (printf "%s=%t" $name $on) }}
{{- end }}
{{- $gates | join "," }}
{{- end }}
