{{- define "operator-library.deployment" -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  {{- include "operator-library.metadata" (dict "root" .) | nindent 2 }}
spec:
  replicas: {{ int .Values.replicaCount }}
  revisionHistoryLimit: {{ int .Values.revisionHistoryLimit }}
  selector:
    matchLabels:
      {{- include "operator-library.selectorLabels" . | nindent 6 }}
  strategy:
    {{- if .Values.leaderElection.enabled }}
    type: RollingUpdate
    rollingUpdate:
      maxSurge: 1
      maxUnavailable: 0
    {{- else }}
    # Nothing else keeps the old Pod and the new one from writing at once.
    type: Recreate
    {{- end }}
  template:
    metadata:
      labels:
        {{- include "operator-library.labels" (dict "root" . "labels" .Values.podLabels) | nindent 8 }}
      {{- with merge (dict) (.Values.podAnnotations | default dict) (.Values.annotations | default dict) }}
      annotations:
        {{- toYaml . | nindent 8 }}
      {{- end }}
    spec:
      {{- include "operator-library.pod" . | nindent 6 }}
{{- end }}

{{- define "operator-library.pod" -}}
serviceAccountName: {{ include "operator-library.serviceAccountName" . | quote }}
automountServiceAccountToken: true
# A Service called `grpc` in this namespace would otherwise set GRPC_PORT, which is one of our settings.
enableServiceLinks: false
{{- with concat .Values.global.imagePullSecrets .Values.imagePullSecrets | uniq }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . | quote }}
{{- end }}
# The passes in hand have 20 s, the lease's release and the last answers 5 s more.
terminationGracePeriodSeconds: 30
securityContext:
  {{- toYaml .Values.podSecurityContext | nindent 2 }}
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- if .Values.topologySpreadConstraints }}
topologySpreadConstraints:
  {{- toYaml .Values.topologySpreadConstraints | nindent 2 }}
{{- else if gt (int .Values.replicaCount) 1 }}
topologySpreadConstraints:
  - maxSkew: 1
    topologyKey: kubernetes.io/hostname
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "operator-library.selectorLabels" . | nindent 8 }}
    # The Pods that a rollout replaces count for nothing.
    matchLabelKeys: [pod-template-hash]
{{- end }}
containers:
  - name: operator
    image: {{ include "operator-library.image" . | quote }}
    imagePullPolicy: {{ .Values.image.pullPolicy }}
    {{- with .Values.extraArgs }}
    args:
      {{- toYaml . | nindent 6 }}
    {{- end }}
    env:
      {{- include "operator-library.env" . | trim | nindent 6 }}
    {{- with .Values.extraEnvFrom }}
    envFrom:
      {{- toYaml . | nindent 6 }}
    {{- end }}
    ports:
      {{- range include "operator-library.ports" . | fromYamlArray }}
      - name: {{ .name }}
        containerPort: {{ int .port }}
        protocol: TCP
      {{- end }}
      - name: probes
        containerPort: {{ int .Values.probes.port }}
        protocol: TCP
    livenessProbe:
      httpGet:
        path: /healthz
        port: probes
      {{- toYaml .Values.probes.liveness | nindent 6 }}
    readinessProbe:
      httpGet:
        path: /readyz
        port: probes
      {{- toYaml .Values.probes.readiness | nindent 6 }}
    resources:
      {{- toYaml .Values.resources | nindent 6 }}
    securityContext:
      {{- toYaml .Values.securityContext | nindent 6 }}
    volumeMounts:
      - name: settings
        mountPath: /etc/operator/settings
        readOnly: true
      {{- if include "operator-library.mountsCertificate" . }}
      - name: serving-cert
        mountPath: /etc/operator/serving-cert
        readOnly: true
      {{- end }}
      {{- with include (printf "%s.volumeMounts" .Chart.Name) . | trim }}
      {{- . | nindent 6 }}
      {{- end }}
      {{- with .Values.extraVolumeMounts }}
      {{- toYaml . | nindent 6 }}
      {{- end }}
volumes:
  - name: settings
    configMap:
      name: {{ include "operator-library.fullname" . | quote }}
  {{- if include "operator-library.mountsCertificate" . }}
  - name: serving-cert
    secret:
      secretName: {{ include "operator-library.servingSecret" . | quote }}
  {{- end }}
  {{- with include (printf "%s.volumes" .Chart.Name) . | trim }}
  {{- . | nindent 2 }}
  {{- end }}
  {{- with .Values.extraVolumes }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}

{{- define "operator-library.image" -}}
{{- with .Values.global.imageRegistry | default .Values.image.registry -}}
{{ . }}/
{{- end -}}
{{ .Values.image.repository }}
{{- with .Values.image.digest -}}
@{{ . }}
{{- else -}}
:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}
{{- end }}

{{- /* What is served and has a port of the Service. */}}
{{- define "operator-library.ports" -}}
{{- if .Values.metrics.enabled }}
- name: metrics
  port: {{ int .Values.metrics.port }}
{{- end }}
{{- with include (printf "%s.ports" .Chart.Name) . | trim }}
{{ . }}
{{- end }}
{{- end }}
