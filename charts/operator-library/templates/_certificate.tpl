{{- /*
The certificate for HTTPS: of metrics, and of webhooks where there are any. By default the operator makes it and keeps
it in a Secret; otherwise a Secret is mounted that cert-manager or somebody else keeps.
*/}}
{{- define "operator-library.guardsMetrics" -}}
{{- if and .Values.metrics.enabled .Values.metrics.secure }}true{{ end }}
{{- end }}

{{- define "operator-library.servesHttps" -}}
{{- include "operator-library.guardsMetrics" . }}{{ include (printf "%s.servesWebhooks" .Chart.Name) . }}
{{- end }}

{{- define "operator-library.mountsCertificate" -}}
{{- if and (include "operator-library.servesHttps" .) (ne .Values.certificate.mode "selfsigned") }}true{{ end }}
{{- end }}

{{- define "operator-library.servingSecret" -}}
{{ include "operator-library.certificateSecret" (dict "root" . "certificate" .Values.certificate "value" "certificate" "for" "serving") }}
{{- end }}

{{- /*
The Secret of the certificate that is `for` something and said by the value `value`. Each of its keepers has a Secret of
its own name: after a change of the mode two would undo each other's work, and keys of an own authority would lie where
only a certificate is expected.
*/}}
{{- define "operator-library.certificateSecret" -}}
{{- if has .certificate.mode (list "existing" "file") -}}
{{ required (printf "%s.mode is %s: %s.existingSecret must name a Secret with tls.crt, tls.key and ca.crt" .value .certificate.mode .value) .certificate.existingSecret }}
{{- else -}}
{{ include "operator-library.fullname" .root }}-{{ .for }}-{{ get (dict "selfsigned" "cert" "cert-manager" "tls") .certificate.mode }}
{{- end }}
{{- end }}

{{- /* What peers in the cluster call the Service. */}}
{{- define "operator-library.serviceNames" -}}
{{- $service := include "operator-library.fullname" . }}
{{- $namespaced := printf "%s.%s" $service .Release.Namespace }}
- {{ $service | quote }}
- {{ $namespaced | quote }}
- {{ $namespaced }}.svc
- {{ $namespaced }}.svc.cluster.local
{{- end }}

{{- define "operator-library.servingEnv" -}}
{{- if include "operator-library.mountsCertificate" . }}
{{- range $variable, $file := dict "SERVING_CERT_FILE" "tls.crt" "SERVING_KEY_FILE" "tls.key" "SERVING_CA_FILE" "ca.crt" }}
- name: {{ $variable }}
  value: /etc/operator/serving-cert/{{ $file }}
{{- end }}
{{- else if include "operator-library.servesHttps" . }}
- name: SERVING_CERT_SECRET_NAME
  value: {{ include "operator-library.servingSecret" . | quote }}
- name: SERVING_CERT_DNS_NAMES
  value: {{ include "operator-library.serviceNames" . | fromYamlArray | join "," | quote }}
{{- end }}
{{- end }}

{{- define "operator-library.certificate" -}}
{{- if and (include "operator-library.servesHttps" .) (eq .Values.certificate.mode "cert-manager") }}
{{ include "operator-library.issued" (dict "root" . "secret" (include "operator-library.servingSecret" .) "issuer" .Values.certificate.issuerRef "value" "certificate" "usages" (list "server auth")) }}
{{- end }}
{{- end }}

{{- /* A Certificate of cert-manager's for the names of the Service: `secret`, `issuer` (from the value `value`), `usages`, further `dnsNames`. */}}
{{- define "operator-library.issued" -}}
apiVersion: cert-manager.io/v1
kind: Certificate
metadata:
  {{- include "operator-library.metadata" (dict "root" .root "name" .secret) | nindent 2 }}
spec:
  secretName: {{ .secret | quote }}
  dnsNames:
    {{- concat (include "operator-library.serviceNames" .root | fromYamlArray) (.dnsNames | default list) | toYaml | nindent 4 }}
  usages:
    {{- toYaml .usages | nindent 4 }}
  privateKey:
    algorithm: ECDSA
    size: 256
    rotationPolicy: Always
  issuerRef:
    name: {{ required (printf "%s.mode is cert-manager: %s.issuerRef.name must name an Issuer or ClusterIssuer" .value .value) .issuer.name | quote }}
    kind: {{ .issuer.kind | quote }}
    group: {{ .issuer.group | quote }}
{{- end }}
