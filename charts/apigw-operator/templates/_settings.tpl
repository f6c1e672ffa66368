{{- /* Made by `cargo xtask gen-charts` of charts/values: edit there. */}}

{{- define "apigw-operator.settings.live" -}}
{{- if .Values.log.level }}
LOG_LEVEL: {{ .Values.log.level | quote }}
{{- end }}
{{- if .Values.reconcileInterval }}
RECONCILE_INTERVAL: {{ .Values.reconcileInterval | quote }}
{{- end }}
{{- if .Values.reconcileTimeout }}
RECONCILE_TIMEOUT: {{ .Values.reconcileTimeout | quote }}
{{- end }}
MAX_CONCURRENT_RECONCILES: {{ int64 .Values.maxConcurrentReconciles | quote }}
API_WRITE_RATE: {{ int64 .Values.apiWrites.rate | quote }}
API_WRITE_BURST: {{ int64 .Values.apiWrites.burst | quote }}
{{- end }}

{{- define "apigw-operator.settings.env" -}}
{{- if .Values.watchNamespaces }}
- name: WATCH_NAMESPACES
  value: {{ join "," .Values.watchNamespaces | quote }}
{{- end }}
- name: LEADER_ELECT
  value: {{ .Values.leaderElection.enabled | quote }}
{{- if .Values.leaderElection.leaseDuration }}
- name: LEADER_ELECTION_LEASE_DURATION
  value: {{ .Values.leaderElection.leaseDuration | quote }}
{{- end }}
{{- if .Values.leaderElection.renewDeadline }}
- name: LEADER_ELECTION_RENEW_DEADLINE
  value: {{ .Values.leaderElection.renewDeadline | quote }}
{{- end }}
{{- if .Values.leaderElection.retryPeriod }}
- name: LEADER_ELECTION_RETRY_PERIOD
  value: {{ .Values.leaderElection.retryPeriod | quote }}
{{- end }}
{{- if .Values.log.format }}
- name: LOG_FORMAT
  value: {{ .Values.log.format | quote }}
{{- end }}
{{- if .Values.featureGates }}
- name: FEATURE_GATES
  value: {{ include "operator-library.gates" .Values.featureGates | quote }}
{{- end }}
- name: METRICS_SECURE
  value: {{ .Values.metrics.secure | quote }}
- name: GRPC_REQUIRE_CLIENT_CERT
  value: {{ .Values.grpc.requireClientCert | quote }}
{{- end }}

{{- define "apigw-operator.settings.durations" -}}
- { value: leaderElection.leaseDuration, given: {{ .Values.leaderElection.leaseDuration | toJson }}, least: 1s, most: 1h }
- { value: leaderElection.renewDeadline, given: {{ .Values.leaderElection.renewDeadline | toJson }}, least: 1s, most: 1h }
- { value: leaderElection.retryPeriod, given: {{ .Values.leaderElection.retryPeriod | toJson }}, least: 100ms, most: 1h }
- { value: reconcileInterval, given: {{ .Values.reconcileInterval | toJson }}, least: 10s, most: 24h }
- { value: reconcileTimeout, given: {{ .Values.reconcileTimeout | toJson }}, least: 1s, most: 1h }
{{- end }}
