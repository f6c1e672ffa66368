{{- /* Made by `cargo xtask gen-charts` of charts/values: edit there. */}}

{{- define "cloud-operator.settings.live" -}}
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
{{- if .Values.driftInterval }}
DRIFT_INTERVAL: {{ .Values.driftInterval | quote }}
{{- end }}
{{- if .Values.sweepInterval }}
SWEEP_INTERVAL: {{ .Values.sweepInterval | quote }}
{{- end }}
AWS_CALL_RATE: {{ int64 .Values.aws.callRate | quote }}
AWS_CALL_BURST: {{ int64 .Values.aws.callBurst | quote }}
{{- end }}

{{- define "cloud-operator.settings.env" -}}
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
{{- if .Values.installationId }}
- name: INSTALLATION_ID
  value: {{ .Values.installationId | quote }}
{{- end }}
{{- if .Values.earlierInstallations }}
- name: EARLIER_INSTALLATIONS
  value: {{ join "," .Values.earlierInstallations | quote }}
{{- end }}
{{- if .Values.defaultDeletionPolicy }}
- name: DELETION_POLICY
  value: {{ .Values.defaultDeletionPolicy | quote }}
{{- end }}
{{- if .Values.webIdentity.sessionName }}
- name: AWS_ROLE_SESSION_NAME
  value: {{ .Values.webIdentity.sessionName | quote }}
{{- end }}
{{- if .Values.aws.allowedRoles }}
- name: ALLOWED_ROLES
  value: {{ join "," .Values.aws.allowedRoles | quote }}
{{- end }}
- name: ENFORCE_EXTERNAL_IDS
  value: {{ .Values.aws.enforceExternalIds | quote }}
{{- if .Values.aws.ambientCredentialsNamespaces }}
- name: AMBIENT_CREDENTIALS_NAMESPACES
  value: {{ join "," .Values.aws.ambientCredentialsNamespaces | quote }}
{{- end }}
- name: INSTANCE_CREDENTIALS
  value: {{ .Values.aws.instanceCredentials | quote }}
{{- if .Values.aws.webIdentityTokenFolders }}
- name: WEB_IDENTITY_TOKEN_FOLDERS
  value: {{ join "," .Values.aws.webIdentityTokenFolders | quote }}
{{- end }}
{{- if .Values.aws.allowedEndpoints }}
- name: ALLOWED_ENDPOINTS
  value: {{ join "," .Values.aws.allowedEndpoints | quote }}
{{- end }}
- name: ALLOW_HTTP_ENDPOINTS
  value: {{ .Values.aws.allowHttpEndpoints | quote }}
{{- if .Values.proxy.https }}
- name: HTTPS_PROXY
  value: {{ .Values.proxy.https | quote }}
{{- end }}
{{- if .Values.proxy.http }}
- name: HTTP_PROXY
  value: {{ .Values.proxy.http | quote }}
{{- end }}
{{- if .Values.proxy.none }}
- name: NO_PROXY
  value: {{ join "," .Values.proxy.none | quote }}
{{- end }}
{{- end }}

{{- define "cloud-operator.settings.durations" -}}
- { value: leaderElection.leaseDuration, given: {{ .Values.leaderElection.leaseDuration | toJson }}, least: 1s, most: 1h }
- { value: leaderElection.renewDeadline, given: {{ .Values.leaderElection.renewDeadline | toJson }}, least: 1s, most: 1h }
- { value: leaderElection.retryPeriod, given: {{ .Values.leaderElection.retryPeriod | toJson }}, least: 100ms, most: 1h }
- { value: reconcileInterval, given: {{ .Values.reconcileInterval | toJson }}, least: 10s, most: 24h }
- { value: reconcileTimeout, given: {{ .Values.reconcileTimeout | toJson }}, least: 1s, most: 1h }
- { value: driftInterval, given: {{ .Values.driftInterval | toJson }}, least: 10s, most: 168h }
- { value: sweepInterval, given: {{ .Values.sweepInterval | toJson }}, least: 1m, most: 168h }
{{- end }}
