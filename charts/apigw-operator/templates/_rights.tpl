{{- /* Made by `cargo xtask gen-charts` of the operator's code: edit there. */}}

{{- define "apigw-operator.rules.admin" -}}
- apiGroups:
  - avapigw.io
  resources:
  - apiroutes
  - backends
  verbs:
  - get
  - list
  - watch
  - create
  - update
  - patch
  - delete
  - deletecollection
{{- end }}

{{- define "apigw-operator.rules.edit" -}}
- apiGroups:
  - avapigw.io
  resources:
  - apiroutes
  - backends
  verbs:
  - get
  - list
  - watch
  - create
  - update
  - patch
  - delete
  - deletecollection
{{- end }}

{{- define "apigw-operator.rules.election" -}}
- apiGroups:
  - coordination.k8s.io
  resources:
  - leases
  verbs:
  - get
  - create
  - update
{{- end }}

{{- define "apigw-operator.rules.metrics" -}}
- apiGroups:
  - authentication.k8s.io
  resources:
  - tokenreviews
  verbs:
  - create
- apiGroups:
  - authorization.k8s.io
  resources:
  - subjectaccessreviews
  verbs:
  - create
{{- end }}

{{- define "apigw-operator.rules.metricsReader" -}}
- nonResourceURLs:
  - /metrics
  verbs:
  - get
{{- end }}

{{- define "apigw-operator.rules.ownSecret" -}}
- apiGroups:
  - ""
  resourceNames:
  - {{ . | quote }}
  resources:
  - secrets
  verbs:
  - get
  - patch
- apiGroups:
  - ""
  resources:
  - secrets
  verbs:
  - create
{{- end }}

{{- define "apigw-operator.rules.view" -}}
{{- end }}

{{- define "apigw-operator.rules.watched" -}}
- apiGroups:
  - avapigw.io
  resources:
  - apiroutes
  - backends
  verbs:
  - list
  - watch
  - patch
- apiGroups:
  - avapigw.io
  resources:
  - apiroutes/status
  - backends/status
  verbs:
  - patch
- apiGroups:
  - ""
  resources:
  - services
  verbs:
  - list
  - watch
- apiGroups:
  - ""
  resources:
  - configmaps
  verbs:
  - get
  - list
  - watch
- apiGroups:
  - events.k8s.io
  resources:
  - events
  verbs:
  - create
  - patch
{{- end }}
