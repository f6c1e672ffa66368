{{- /* What sets this operator apart: see the list in operator-library.operator. */}}
{{- define "cloud-operator.name" -}}
cloud-operator
{{- end }}

{{- define "cloud-operator.group" -}}
aws-infra-operator.runner.codes
{{- end }}

{{- /* What the operator does not serve the API server is not to be sent to. */}}
{{- define "cloud-operator.servesWebhooks" -}}
{{- if and .Values.webhook.enabled (dig "AdmissionWebhooks" true (.Values.featureGates | default dict)) }}true{{ end }}
{{- end }}

{{- define "cloud-operator.ports" -}}
{{- if include "cloud-operator.servesWebhooks" . }}
# 443 is where the API server asks unless it is told otherwise.
- name: webhooks
  port: {{ int .Values.webhook.port }}
  servicePort: 443
{{- end }}
{{- end }}

{{- define "cloud-operator.keepsAuthorities" -}}
{{- if and (include "cloud-operator.servesWebhooks" .) (ne .Values.certificate.mode "cert-manager") }}true{{ end }}
{{- end }}

{{- define "cloud-operator.env" -}}
{{- if include "cloud-operator.servesWebhooks" . }}
- name: WEBHOOK_BIND_ADDRESS
  value: ":{{ int .Values.webhook.port }}"
{{- end }}
{{- if include "cloud-operator.keepsAuthorities" . }}
- name: WEBHOOK_CONFIGURATION
  value: {{ include "operator-library.clusterName" . | quote }}
{{- end }}
{{- with .Values.caBundle.configMapName }}
- name: CA_BUNDLE
  value: {{ printf "/etc/operator/ca-bundle/%s" $.Values.caBundle.key | quote }}
{{- end }}
{{- with .Values.webIdentity }}
{{- if .enabled }}
# As EKS's webhook sets them on the Pods of an annotated service account.
- name: AWS_ROLE_ARN
  value: {{ required "webIdentity.enabled is true: webIdentity.roleArn must name the role" .roleArn | quote }}
- name: AWS_WEB_IDENTITY_TOKEN_FILE
  value: /var/run/secrets/eks.amazonaws.com/serviceaccount/token
{{- end }}
{{- end }}
{{- end }}

{{- define "cloud-operator.volumes" -}}
{{- with .Values.caBundle.configMapName }}
- name: ca-bundle
  configMap:
    name: {{ . | quote }}
{{- end }}
{{- with .Values.webIdentity }}
{{- if .enabled }}
- name: aws-iam-token
  projected:
    sources:
      - serviceAccountToken:
          audience: {{ .audience | quote }}
          expirationSeconds: {{ int .expirationSeconds }}
          path: token
{{- end }}
{{- end }}
{{- end }}

{{- define "cloud-operator.volumeMounts" -}}
{{- if .Values.caBundle.configMapName }}
- name: ca-bundle
  mountPath: /etc/operator/ca-bundle
  readOnly: true
{{- end }}
{{- if .Values.webIdentity.enabled }}
- name: aws-iam-token
  mountPath: /var/run/secrets/eks.amazonaws.com/serviceaccount
  readOnly: true
{{- end }}
{{- end }}

{{- define "cloud-operator.clusterRules" -}}
{{ include "cloud-operator.rules.namespaces" . | trim }}
{{- if not .Values.installationId }}
{{ include "cloud-operator.rules.installation" . | trim }}
{{- end }}
{{- if include "cloud-operator.keepsAuthorities" . }}
{{ include "cloud-operator.rules.admission" . | trim }}
{{- end }}
{{- end }}

{{- define "cloud-operator.ownSecrets" -}}
{{- end }}

{{- define "cloud-operator.ingress" -}}
{{- end }}
