{{- /* What sets this operator apart: see the list in operator-library.operator. */}}
{{- define "apigw-operator.name" -}}
avapigw-operator
{{- end }}

{{- define "apigw-operator.group" -}}
avapigw.io
{{- end }}

{{- define "apigw-operator.servesWebhooks" -}}
{{- end }}

{{- define "apigw-operator.ports" -}}
- name: grpc
  port: {{ int .Values.grpc.port }}
{{- end }}

{{- define "apigw-operator.grpcSecret" -}}
{{ include "operator-library.certificateSecret" (dict "root" . "certificate" .Values.grpc.tls "value" "grpc.tls" "for" "grpc") }}
{{- end }}

{{- define "apigw-operator.mountsGrpc" -}}
{{- if ne .Values.grpc.tls.mode "selfsigned" }}true{{ end }}
{{- end }}

{{- define "apigw-operator.gatewaySecrets" -}}
{{- range .Values.grpc.tls.gatewayCertSecrets }}
- namespace: {{ .namespace | default $.Release.Namespace | quote }}
  name: {{ .name | quote }}
{{- end }}
{{- end }}

{{- define "apigw-operator.env" -}}
{{- if and (include "apigw-operator.mountsGrpc" .) .Values.grpc.tls.gatewayCertSecrets }}
{{- fail (printf "grpc.tls.gatewayCertSecrets needs the operator's own authority, and grpc.tls.mode is %s: set it to selfsigned, or leave the gateways' certificates to whoever issues the operator's" .Values.grpc.tls.mode) }}
{{- end }}
{{- $kept := dict }}
{{- range include "operator-library.ownSecrets" . | fromYamlArray }}
{{- $secret := printf "%s/%s" .namespace .name }}
{{- if hasKey $kept $secret }}
{{- fail (printf "grpc.tls.gatewayCertSecrets has %s, which is kept already: name each Secret once, and none of the operator's own" $secret) }}
{{- end }}
{{- $_ := set $kept $secret true }}
{{- end }}
- name: POD_IP
  valueFrom:
    fieldRef:
      fieldPath: status.podIP
- name: GRPC_BIND_ADDRESS
  value: ":{{ int .Values.grpc.port }}"
- name: CERT_DNS_NAMES
  value: {{ concat (include "operator-library.serviceNames" . | fromYamlArray) .Values.grpc.tls.extraDnsNames | join "," | quote }}
- name: CERT_PROVIDER
  value: {{ get (dict "selfsigned" "selfsigned" "cert-manager" "cert-manager" "existing" "file" "file" "file") .Values.grpc.tls.mode }}
{{- if include "apigw-operator.mountsGrpc" . }}
{{- range $variable, $file := dict "CERT_FILE" "tls.crt" "KEY_FILE" "tls.key" "CA_FILE" "ca.crt" }}
- name: {{ $variable }}
  value: /etc/operator/grpc-cert/{{ $file }}
{{- end }}
{{- else }}
- name: CERT_SECRET_NAME
  value: {{ include "apigw-operator.grpcSecret" . | quote }}
{{- with include "apigw-operator.gatewaySecrets" . | fromYamlArray }}
{{- $secrets := list }}
{{- range . }}
{{- $secrets = append $secrets (printf "%s/%s" .namespace .name) }}
{{- end }}
- name: GATEWAY_CERT_SECRETS
  value: {{ $secrets | join "," | quote }}
{{- end }}
{{- end }}
{{- end }}

{{- define "apigw-operator.volumes" -}}
{{- if include "apigw-operator.mountsGrpc" . }}
- name: grpc-cert
  secret:
    secretName: {{ include "apigw-operator.grpcSecret" . | quote }}
{{- end }}
{{- end }}

{{- define "apigw-operator.volumeMounts" -}}
{{- if include "apigw-operator.mountsGrpc" . }}
- name: grpc-cert
  mountPath: /etc/operator/grpc-cert
  readOnly: true
{{- end }}
{{- end }}

{{- define "apigw-operator.clusterRules" -}}
{{- end }}

{{- define "apigw-operator.ownSecrets" -}}
{{- if not (include "apigw-operator.mountsGrpc" .) }}
- namespace: {{ .Release.Namespace | quote }}
  name: {{ include "apigw-operator.grpcSecret" . | quote }}
{{- include "apigw-operator.gatewaySecrets" . }}
{{- end }}
{{- end }}

{{- define "apigw-operator.ingress" -}}
{{- /* Replicas dial the one that leads. Gateways show certificates; who says from where they come may leave out the rest. */ -}}
- ports:
    - port: grpc
      protocol: TCP
  {{- if .Values.networkPolicy.ingress }}
  from:
    - podSelector:
        matchLabels:
          {{- include "operator-library.selectorLabels" . | nindent 10 }}
  {{- end }}
{{- end }}
