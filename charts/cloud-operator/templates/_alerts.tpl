{{- define "cloud-operator.alerts" -}}
{{- $here := include "operator-library.series" . -}}
{{- $job := include "operator-library.job" . -}}
{{- $ofOwnTargets := include "operator-library.ofOwnTargets" . -}}
- alert: AwsProviderNotReady
  expr: max by (namespace, provider_name) (infra_operator_provider_ready{ {{- $job -}} } {{ $ofOwnTargets }}) == 0
  for: 15m
  severity: warning
  summary: {{ "AWS does not know the credentials of AWSProvider {{ $labels.namespace }}/{{ $labels.provider_name }}." | quote }}
  runbook: >-
    No resource that uses it is looked after. Its condition Ready says what AWS answered: keys that were rotated, a trust policy, a role that is gone.
- alert: AwsResourcesNotReady
  expr: max by (resource_type) (infra_operator_resources_total{status="notready", {{- $here -}} }) > 0
  for: 30m
  severity: warning
  summary: {{ "{{ $value }} objects of type {{ $labels.resource_type }} are not Ready." | quote }}
  runbook: >-
    `kubectl get s3buckets,awsproviders --all-namespaces` shows which, and the reason of each; docs/conditions tells what to do about every reason.
- alert: AwsObjectsUnreadable
  expr: max by (resource_type) (infra_operator_resources_total{status="unreadable", {{- $here -}} }) > 0
  for: 15m
  severity: warning
  summary: {{ "{{ $value }} objects of type {{ $labels.resource_type }} cannot be read by this version." | quote }}
  runbook: >-
    They were written under newer definitions, or around the schema, and are left alone: one that is deleted stays. The log names them, and each says in its
    condition Ready what to do.
- alert: AwsThrottles
  expr: sum by (service) (rate(infra_operator_aws_api_throttles_total{ {{- $here -}} }[10m])) > 0.2
  for: 15m
  severity: warning
  summary: {{ "AWS refuses calls to {{ $labels.service }} as there are too many." | quote }}
  runbook: >-
    Lower aws.callRate, or lengthen driftInterval. Others that use the account count, too.
- alert: AwsCallsFail
  expr: >-
    sum by (service) (rate(infra_operator_aws_api_calls_total{result="error", {{- $here -}} }[10m]))
    / sum by (service) (rate(infra_operator_aws_api_calls_total{ {{- $here -}} }[10m])) > 0.5
  for: 15m
  severity: warning
  summary: {{ "Most calls to {{ $labels.service }} fail." | quote }}
  runbook: >-
    `infra_operator_aws_api_errors_total` has AWS's codes, docs/errors.md what each of them makes of an object.
- alert: AwsResourcesUnclaimed
  expr: sum by (kind) (operator_unclaimed_resources{ {{- $here -}} }) > 0
  for: 2h
  severity: info
  summary: {{ "{{ $value }} {{ $labels.kind }} resources carry this installation's mark, and no object names them." | quote }}
  runbook: >-
    They are left behind by deleted objects, and cost. The log and /debug/state name them; the operator never touches them.
{{- end }}

{{- define "cloud-operator.panels" -}}
{{- $here := include "operator-library.series" . -}}
{{- $job := include "operator-library.job" . -}}
{{- $ofOwnTargets := include "operator-library.ofOwnTargets" . -}}
- title: Objects
  text: Objects by what their status says.
  unit: short
  queries:
    - { expr: 'max by (resource_type, status) (infra_operator_resources_total{ {{- $here -}} })', legend: '{{ "{{resource_type}} {{status}}" }}' }
- title: Providers
  text: 1 where AWS knows the credentials.
  unit: short
  queries:
    - { expr: 'max by (namespace, provider_name) (infra_operator_provider_ready{ {{- $job -}} } {{ $ofOwnTargets }})', legend: '{{ "{{namespace}}/{{provider_name}}" }}' }
- title: Calls to AWS
  text: Calls a second.
  unit: ops
  queries:
    - { expr: 'sum by (operation, result) (rate(infra_operator_aws_api_calls_total{ {{- $here -}} }[5m]))', legend: '{{ "{{operation}} {{result}}" }}' }
- title: Errors of AWS
  text: Calls that failed a second, by AWS's code, and those that were too many.
  unit: ops
  queries:
    - { expr: 'sum by (error_code) (rate(infra_operator_aws_api_errors_total{ {{- $here -}} }[5m]))', legend: '{{ "{{error_code}}" }}' }
    - { expr: 'sum by (service) (rate(infra_operator_aws_api_throttles_total{ {{- $here -}} }[5m]))', legend: '{{ "{{service}} throttled" }}' }
- title: Duration of calls to AWS
  text: All but one call of a hundred take no longer.
  unit: s
  queries:
    - { expr: 'histogram_quantile(0.99, sum by (operation, le) (rate(infra_operator_aws_api_call_duration_seconds_bucket{ {{- $here -}} }[5m])))', legend: '{{ "{{operation}}" }}' }
- title: Drift
  text: Parts that changed by themselves, and those that were set back, in an hour.
  unit: short
  queries:
    - { expr: 'sum by (facet) (increase(infra_operator_drift_detected_total{ {{- $here -}} }[1h]))', legend: '{{ "{{facet}} detected" }}' }
    - { expr: 'sum by (facet) (increase(infra_operator_drift_healed_total{ {{- $here -}} }[1h]))', legend: '{{ "{{facet}} healed" }}' }
{{- end }}
