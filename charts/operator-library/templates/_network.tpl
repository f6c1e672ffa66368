{{- define "operator-library.service" -}}
{{- $ports := include "operator-library.ports" . | fromYamlArray }}
{{- if $ports }}
apiVersion: v1
kind: Service
metadata:
  {{- include "operator-library.metadata" (dict "root" . "annotations" .Values.service.annotations) | nindent 2 }}
spec:
  type: {{ .Values.service.type }}
  selector:
    {{- include "operator-library.selectorLabels" . | nindent 4 }}
  ports:
    {{- range $ports }}
    - name: {{ .name }}
      port: {{ int (.servicePort | default .port) }}
      targetPort: {{ .name }}
      protocol: TCP
    {{- end }}
{{- end }}
{{- end }}

{{- define "operator-library.podDisruptionBudget" -}}
{{- with .Values.podDisruptionBudget }}
{{- if .enabled }}
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  {{- include "operator-library.metadata" (dict "root" $) | nindent 2 }}
spec:
  # A Pod that is not ready serves nobody, and is not to hold up a drain.
  unhealthyPodEvictionPolicy: AlwaysAllow
  {{- if not (kindIs "invalid" .minAvailable) }}
  minAvailable: {{ .minAvailable }}
  {{- else }}
  maxUnavailable: {{ kindIs "invalid" .maxUnavailable | ternary 1 .maxUnavailable }}
  {{- end }}
  selector:
    matchLabels:
      {{- include "operator-library.selectorLabels" $ | nindent 6 }}
{{- end }}
{{- end }}
{{- end }}

{{- /*
Whom the ports are open to. API servers and kubelets call from addresses that no selector names, and what they ask for
guards itself or is not worth guarding. So do metrics over HTTPS; over plain HTTP they are for those alone who are named.
*/}}
{{- define "operator-library.networkPolicy" -}}
{{- if .Values.networkPolicy.enabled }}
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  {{- include "operator-library.metadata" (dict "root" .) | nindent 2 }}
spec:
  podSelector:
    matchLabels:
      {{- include "operator-library.selectorLabels" . | nindent 6 }}
  policyTypes: [Ingress]
  ingress:
    - ports:
        - port: probes
          protocol: TCP
        {{- if include (printf "%s.servesWebhooks" .Chart.Name) . }}
        - port: webhooks
          protocol: TCP
        {{- end }}
    {{- $scrapers := .Values.networkPolicy.metricsFrom }}
    {{- if and .Values.metrics.enabled (or .Values.metrics.secure $scrapers) }}
    - ports:
        - port: metrics
          protocol: TCP
      {{- with $scrapers }}
      from:
        {{- toYaml . | nindent 8 }}
      {{- end }}
    {{- end }}
    {{- with include (printf "%s.ingress" .Chart.Name) . | trim }}
    {{- . | nindent 4 }}
    {{- end }}
    {{- with .Values.networkPolicy.ingress }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end }}
{{- end }}
