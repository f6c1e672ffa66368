{{- /* Alerts of every operator. What is in {{ "{{ }}" }} is Prometheus's. */}}
{{- define "operator-library.alerts" -}}
{{- $here := include "operator-library.series" . -}}
- alert: OperatorAbsent
  expr: absent(operator_build_info{ {{- $here -}} })
  for: 5m
  severity: critical
  summary: No replica of the operator is scraped.
  runbook: >-
    Nothing is reconciled, or nobody sees whether it is. See `kubectl describe deployment`, the Pods' logs, and whether Prometheus may scrape: the
    target's error tells of a missing right (ClusterRole metrics-reader) or a certificate that is not believed.
{{- if .Values.leaderElection.enabled }}
- alert: OperatorWithoutLeader
  expr: sum(leader_election_master_status{ {{- $here -}} }) == 0
  for: 5m
  severity: critical
  summary: Replicas of the operator run, and none leads.
  runbook: >-
    Only the leader writes. See the Lease in the operator's namespace and the replicas' logs: either they cannot write the Lease (RBAC, API server), or
    somebody who is not a replica holds it.
{{- end }}
- alert: OperatorPassesPanic
  expr: sum by (controller) (increase(controller_runtime_reconcile_panics_total{ {{- $here -}} }[15m])) > 0
  for: 1m
  severity: warning
  summary: {{ "Passes over {{ $labels.controller }} objects panic." | quote }}
  runbook: >-
    A defect of the operator; the other objects go on. The log names the object and the place: report both.
- alert: OperatorPassesFail
  expr: >-
    sum by (controller) (rate(controller_runtime_reconcile_errors_total{ {{- $here -}} }[10m]))
    / sum by (controller) (rate(controller_runtime_reconcile_total{ {{- $here -}} }[10m])) > 0.5
  for: 15m
  severity: warning
  summary: {{ "Most passes over {{ $labels.controller }} objects fail." | quote }}
  runbook: >-
    `operator_faults_total` tells by class and code what is wrong, and the objects' condition Ready says it of each. Terminal faults take an edit, blocked
    ones somebody outside the cluster, the others time.
- alert: OperatorBlocked
  expr: sum by (controller, code) (increase(operator_faults_total{class="blocked", {{- $here -}} }[30m])) > 0
  for: 30m
  severity: warning
  summary: {{ "{{ $labels.controller }} objects wait for somebody outside the cluster: {{ $labels.code }}." | quote }}
  runbook: >-
    A missing permission, a lock, or something that belongs to somebody else. The objects' condition Ready names it and what to do; they are tried
    again by themselves.
- alert: OperatorQueueSlow
  expr: histogram_quantile(0.99, sum by (controller, le) (rate(workqueue_queue_duration_seconds_bucket{ {{- $here -}} }[10m]))) > 60
  for: 15m
  severity: warning
  summary: {{ "{{ $labels.controller }} objects wait more than a minute for their pass." | quote }}
  runbook: >-
    There is more to do than is done: raise maxConcurrentReconciles, or see what makes passes slow (`controller_runtime_reconcile_time_seconds`).
- alert: OperatorWritesWait
  expr: sum by (pod) (rate(operator_api_write_wait_seconds_total{ {{- $here -}} }[10m])) > 1
  for: 15m
  severity: warning
  summary: {{ "Writes of {{ $labels.pod }} to the API server wait for the write budget." | quote }}
  runbook: >-
    Raise apiWrites.rate if the API server can bear it, or find out who changes so many objects.
- alert: OperatorKindMissing
  expr: max by (kind) (operator_watch_missing{ {{- $here -}} }) == 1
  for: 15m
  severity: critical
  summary: {{ "The API server does not serve {{ $labels.kind }}." | quote }}
  runbook: >-
    Its CustomResourceDefinition is missing, or has no version that this operator knows: install the chart's (crds.install).
- alert: OperatorWatchFails
  expr: sum by (kind) (increase(operator_watch_errors_total{ {{- $here -}} }[15m])) > 5
  for: 5m
  severity: warning
  summary: {{ "The watch of {{ $labels.kind }} fails again and again." | quote }}
  runbook: >-
    The log says why: a missing right, or an API server that cannot be reached.
- alert: OperatorSettingsRefused
  expr: max by (pod) (operator_settings_refused{ {{- $here -}} }) == 1
  for: 5m
  severity: warning
  summary: {{ "{{ $labels.pod }} refuses what its ConfigMap says." | quote }}
  runbook: >-
    Older settings hold on. The log and `settings` in /debug/state name the setting and what is allowed.
{{- end }}

{{- /* Panels of every operator. */}}
{{- define "operator-library.panels" -}}
{{- $here := include "operator-library.series" . -}}
- title: Passes
  text: Passes over objects a second, by their result.
  unit: ops
  queries:
    - { expr: 'sum by (controller, result) (rate(controller_runtime_reconcile_total{ {{- $here -}} }[5m]))', legend: '{{ "{{controller}} {{result}}" }}' }
- title: Faults
  text: Faults a second by who can mend them.
  unit: ops
  queries:
    - { expr: 'sum by (controller, class, code) (rate(operator_faults_total{ {{- $here -}} }[5m]))', legend: '{{ "{{controller}} {{class}} {{code}}" }}' }
- title: Duration of passes
  text: Half of the passes take no longer than p50, all but one of a hundred no longer than p99.
  unit: s
  queries:
    - { expr: 'histogram_quantile(0.5, sum by (controller, le) (rate(controller_runtime_reconcile_time_seconds_bucket{ {{- $here -}} }[5m])))', legend: '{{ "{{controller}} p50" }}' }
    - { expr: 'histogram_quantile(0.99, sum by (controller, le) (rate(controller_runtime_reconcile_time_seconds_bucket{ {{- $here -}} }[5m])))', legend: '{{ "{{controller}} p99" }}' }
- title: Queue
  text: Objects that wait for their pass, and passes that run.
  unit: short
  queries:
    - { expr: 'sum by (controller) (workqueue_depth{ {{- $here -}} })', legend: '{{ "{{controller}} waiting" }}' }
    - { expr: 'sum by (controller) (controller_runtime_active_workers{ {{- $here -}} })', legend: '{{ "{{controller}} running" }}' }
- title: Leader
  text: 1 for the replica that leads.
  unit: short
  queries:
    - { expr: 'leader_election_master_status{ {{- $here -}} }', legend: '{{ "{{pod}}" }}' }
- title: Writes of statuses
  text: Writes to the API server a second.
  unit: ops
  queries:
    - { expr: 'sum by (controller, result) (rate(operator_status_updates_total{ {{- $here -}} }[5m]))', legend: '{{ "{{controller}} {{result}}" }}' }
- title: CPU
  text: Cores in use by each replica.
  unit: short
  queries:
    - { expr: 'rate(process_cpu_seconds_total{ {{- $here -}} }[5m])', legend: '{{ "{{pod}}" }}' }
- title: Memory
  text: Resident memory of each replica.
  unit: bytes
  queries:
    - { expr: 'process_resident_memory_bytes{ {{- $here -}} }', legend: '{{ "{{pod}}" }}' }
{{- end }}
