{{- /* Made by `cargo xtask gen-charts` of the operator's code: edit there. */}}

{{- define "cloud-operator.rules.admin" -}}
- apiGroups:
  - aws-infra-operator.runner.codes
  resources:
  - awsproviders
  - s3buckets
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

{{- define "cloud-operator.rules.admission" -}}
- apiGroups:
  - admissionregistration.k8s.io
  resourceNames:
  - {{ include "operator-library.clusterName" . | quote }}
  resources:
  - validatingwebhookconfigurations
  verbs:
  - get
  - patch
{{- end }}

{{- define "cloud-operator.rules.edit" -}}
- apiGroups:
  - aws-infra-operator.runner.codes
  resources:
  - awsproviders
  verbs:
  - get
  - list
  - watch
- apiGroups:
  - aws-infra-operator.runner.codes
  resources:
  - s3buckets
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

{{- define "cloud-operator.rules.election" -}}
- apiGroups:
  - coordination.k8s.io
  resources:
  - leases
  verbs:
  - get
  - create
  - update
{{- end }}

{{- define "cloud-operator.rules.installation" -}}
- apiGroups:
  - ""
  resourceNames:
  - kube-system
  resources:
  - namespaces
  verbs:
  - get
{{- end }}

{{- define "cloud-operator.rules.metrics" -}}
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

{{- define "cloud-operator.rules.metricsReader" -}}
- nonResourceURLs:
  - /metrics
  verbs:
  - get
{{- end }}

{{- define "cloud-operator.rules.namespaces" -}}
- apiGroups:
  - ""
  resources:
  - namespaces
  verbs:
  - list
  - watch
{{- end }}

{{- define "cloud-operator.rules.ownSecret" -}}
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

{{- define "cloud-operator.rules.view" -}}
- apiGroups:
  - aws-infra-operator.runner.codes
  resources:
  - awsproviders
  - s3buckets
  verbs:
  - get
  - list
  - watch
{{- end }}

{{- define "cloud-operator.rules.watched" -}}
- apiGroups:
  - aws-infra-operator.runner.codes
  resources:
  - awsproviders
  - s3buckets
  verbs:
  - list
  - watch
  - patch
- apiGroups:
  - aws-infra-operator.runner.codes
  resources:
  - awsproviders/status
  - s3buckets/status
  verbs:
  - patch
- apiGroups:
  - ""
  resources:
  - secrets
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

{{- define "cloud-operator.webhooks" -}}
- admissionReviewVersions:
  - v1
  clientConfig:
    service:
      name: {{ include "operator-library.fullname" . | quote }}
      namespace: {{ .Release.Namespace | quote }}
      path: /validate-s3bucket
  failurePolicy: Ignore
  matchConditions:
  - expression: request.operation != 'UPDATE' || object.spec != oldObject.spec
    name: spec
  matchPolicy: Equivalent
  name: s3bucket.aws-infra-operator.runner.codes
  rules:
  - apiGroups:
    - aws-infra-operator.runner.codes
    apiVersions:
    - v1alpha1
    operations:
    - CREATE
    - UPDATE
    resources:
    - s3buckets
    scope: Namespaced
  sideEffects: None
  timeoutSeconds: 5
- admissionReviewVersions:
  - v1
  clientConfig:
    service:
      name: {{ include "operator-library.fullname" . | quote }}
      namespace: {{ .Release.Namespace | quote }}
      path: /validate-awsprovider
  failurePolicy: Ignore
  matchConditions:
  - expression: request.operation != 'UPDATE' || object.spec != oldObject.spec
    name: spec
  matchPolicy: Equivalent
  name: awsprovider.aws-infra-operator.runner.codes
  rules:
  - apiGroups:
    - aws-infra-operator.runner.codes
    apiVersions:
    - v1alpha1
    operations:
    - CREATE
    - UPDATE
    - DELETE
    resources:
    - awsproviders
    scope: Namespaced
  sideEffects: None
  timeoutSeconds: 5
{{- end }}
