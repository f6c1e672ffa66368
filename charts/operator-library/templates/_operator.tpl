{{- /*
Everything that an operator's chart makes but the definitions themselves and what it alone has. The chart gives values, and says
by templates of its own name what differs from the other operators:

  CHART.name            what the operator calls itself
  CHART.group           the API group of its kinds
  CHART.env             environment variables beside those of every operator: a list, or nothing
  CHART.ports           ports that it serves beside metrics and probes: a list of `name`, `port` and, if it is another,
                        `servicePort`, or nothing
  CHART.volumes         volumes, and CHART.volumeMounts where they are mounted: lists, or nothing
  CHART.servesWebhooks  something, where it serves webhooks with the certificate of metrics
  CHART.clusterRules    what it may do cluster-wide, whatever it watches: rules, or nothing
  CHART.ownSecrets      the Secrets that it makes and writes, beside that of its certificate for HTTPS: a list of
                        `namespace` and `name`, or nothing
  CHART.ingress         who may reach those ports where a NetworkPolicy stands: rules, or nothing
  CHART.alerts          alerts beside those of every operator: a list, or nothing
  CHART.panels          the same for the dashboard

and by generated ones what it may do (CHART.rules.…), how its settings are written and what durations may be (CHART.settings.…).
*/}}
{{- define "operator-library.operator" -}}
{{- include "operator-library.refuse" . }}
{{- range $part := list "definitionPolicies" "serviceAccount" "rbac" "settings" "deployment" "service" "podDisruptionBudget" "networkPolicy" "certificate" "serviceMonitor" "prometheusRule" "dashboard" }}
{{- with include (printf "operator-library.%s" $part) $ | trim }}
---
{{ . }}
{{- end }}
{{- end }}
{{- end }}
