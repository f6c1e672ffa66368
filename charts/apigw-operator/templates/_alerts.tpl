{{- define "apigw-operator.alerts" -}}
{{- $here := include "operator-library.series" . -}}
{{- $job := include "operator-library.job" . -}}
{{- $ofOwnTargets := include "operator-library.ofOwnTargets" . -}}
- alert: GatewaysAbsent
  expr: sum(avapigw_operator_gateways_connected{ {{- $here -}} }) == 0
  for: 10m
  severity: critical
  summary: No gateway is connected.
  runbook: >-
    Gateways go on with what they have, and hear of no edit. See their logs: the operator's address, the certificate that they show (authority, expiry), a
    NetworkPolicy between them.
- alert: GatewayRefuses
  expr: sum(increase(avapigw_operator_config_push_errors_total{ {{- $here -}} }[10m])) > 0
  for: 1m
  severity: warning
  summary: A gateway has refused what it was sent.
  runbook: >-
    The object on account of which it refused is taken from all gateways, and says so in its status; edit it.
- alert: GatewayObjectsNotReady
  expr: count by (kind) (max by (kind, name, namespace) (avapigw_operator_resource_condition{condition="Ready", {{- $job -}} } {{ $ofOwnTargets }}) == 0) > 0
  for: 30m
  severity: warning
  summary: {{ "{{ $value }} objects of kind {{ $labels.kind }} are not Ready." | quote }}
  runbook: >-
    `kubectl get apiroutes,backends --all-namespaces` shows which, and the reason of each; docs/conditions tells what to do about every reason.
- alert: GatewaysSlow
  expr: histogram_quantile(0.99, sum by (le) (rate(avapigw_operator_config_propagation_seconds_bucket{ {{- $here -}} }[10m]))) > 5
  for: 15m
  severity: warning
  summary: Edits take more than five seconds to be in force.
  runbook: >-
    A gateway answers slowly, or too much is edited at once: `gateways` in /debug/state shows what each of them has.
- alert: GatewayCertificateExpires
  expr: min by (common_name) (avapigw_operator_cert_expiry_seconds{ {{- $here -}} }) < 3 * 86400
  for: 10m
  severity: critical
  summary: {{ "The certificate {{ $labels.common_name }} expires in {{ $value | humanizeDuration }}." | quote }}
  runbook: >-
    It should have been renewed long before. /readyz?verbose and the log say what stands in the way: the operator's rights to its Secret, or whoever
    keeps the mounted one.
- alert: GatewayCertificateErrors
  expr: sum by (operation) (increase(avapigw_operator_cert_errors_total{ {{- $here -}} }[30m])) > 3
  for: 10m
  severity: warning
  summary: {{ "Certificates cannot be handled: {{ $labels.operation }} fails." | quote }}
  runbook: >-
    The log says which Secret or file, and why. The certificate in force goes on until it expires.
{{- end }}

{{- define "apigw-operator.panels" -}}
{{- $here := include "operator-library.series" . -}}
{{- $job := include "operator-library.job" . -}}
{{- $ofOwnTargets := include "operator-library.ofOwnTargets" . -}}
- title: Gateways
  text: Gateways whose stream each replica serves.
  unit: short
  queries:
    - { expr: 'avapigw_operator_gateways_connected{ {{- $here -}} }', legend: '{{ "{{pod}}" }}' }
- title: Objects
  text: Objects that the operator sees, and those that are not Ready.
  unit: short
  queries:
    - { expr: 'max by (type) (avapigw_operator_crds_total{ {{- $here -}} })', legend: '{{ "{{type}}" }}' }
    - { expr: 'count by (kind) (max by (kind, name, namespace) (avapigw_operator_resource_condition{condition="Ready", {{- $job -}} } {{ $ofOwnTargets }}) == 0)', legend: '{{ "{{kind}} not Ready" }}' }
- title: Updates
  text: Updates sent to gateways a second, and those that were refused.
  unit: ops
  queries:
    - { expr: 'sum(rate(avapigw_operator_config_push_total{ {{- $here -}} }[5m]))', legend: sent }
    - { expr: 'sum(rate(avapigw_operator_config_push_errors_total{ {{- $here -}} }[5m]))', legend: refused }
- title: Propagation
  text: From an edit until a gateway has it in force.
  unit: s
  queries:
    - { expr: 'histogram_quantile(0.5, sum by (le) (rate(avapigw_operator_config_propagation_seconds_bucket{ {{- $here -}} }[5m])))', legend: p50 }
    - { expr: 'histogram_quantile(0.99, sum by (le) (rate(avapigw_operator_config_propagation_seconds_bucket{ {{- $here -}} }[5m])))', legend: p99 }
- title: Calls of gateways
  text: Calls that ended a second, by their result.
  unit: ops
  queries:
    - { expr: 'sum by (method, code) (rate(avapigw_operator_grpc_server_requests_total{ {{- $here -}} }[5m]))', legend: '{{ "{{method}} {{code}}" }}' }
- title: Certificate
  text: Time left to the certificate in force.
  unit: s
  queries:
    - { expr: 'min by (common_name) (avapigw_operator_cert_expiry_seconds{ {{- $here -}} })', legend: '{{ "{{common_name}}" }}' }
{{- end }}
