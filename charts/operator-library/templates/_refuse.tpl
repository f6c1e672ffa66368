{{- /* What no schema can say of values together. */}}
{{- define "operator-library.refuse" -}}
{{- range $part := list "Image" "Durations" "Election" "Disruption" "Ports" "Environment" "Service" "Scrape" }}
{{- include (printf "operator-library.refuse%s" $part) $ }}
{{- end }}
{{- end }}

{{- /* An upgrade that carries a digest over and is told a tag would run the earlier program, and say that all is well. */}}
{{- define "operator-library.refuseImage" -}}
{{- with .Values.image }}
{{- if and .tag .digest }}
{{- fail (printf "image.tag is %s and image.digest is %s: one of them is allowed; set the other to nothing, as by --set image.tag=" .tag .digest) }}
{{- end }}
{{- end }}
{{- end }}

{{- /* The operator refuses them, too: one that takes effect at once only as the next Pod starts, long after Helm was done. */}}
{{- define "operator-library.refuseDurations" -}}
{{- range include (printf "%s.settings.durations" .Chart.Name) . | fromYamlArray }}
{{- if .given }}
{{- $given := include "operator-library.seconds" .given | float64 }}
{{- if or (lt $given (include "operator-library.seconds" .least | float64)) (gt $given (include "operator-library.seconds" .most | float64)) }}
{{- fail (printf "%s is %s: %s to %s is allowed" .value .given .least .most) }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{- define "operator-library.refuseElection" -}}
{{- $replicas := int .Values.replicaCount }}
{{- with .Values.leaderElection }}
{{- if and (not .enabled) (gt $replicas 1) }}
{{- fail (printf "replicaCount is %d and leaderElection.enabled is false: without an election one replica may run; set replicaCount to 1, or leaderElection.enabled to true" $replicas) }}
{{- end }}
{{- /* The operator looks at them also where there is no election. */}}
{{- if and .leaseDuration .renewDeadline .retryPeriod }}
{{- $lease := include "operator-library.seconds" .leaseDuration | float64 }}
{{- $renew := include "operator-library.seconds" .renewDeadline | float64 }}
{{- $retry := include "operator-library.seconds" .retryPeriod | float64 }}
{{- if ne (floor $lease) $lease }}
{{- fail (printf "leaderElection.leaseDuration is %s: a Lease knows whole seconds alone; give a whole number of them" .leaseDuration) }}
{{- end }}
{{- if ge $renew $lease }}
{{- fail (printf "leaderElection.renewDeadline is %s and leaderElection.leaseDuration is %s: a leader has to give up before others take its place; make renewDeadline less than leaseDuration" .renewDeadline .leaseDuration) }}
{{- end }}
{{- if ge (mulf $retry 1.2) $renew }}
{{- fail (printf "leaderElection.retryPeriod is %s and leaderElection.renewDeadline is %s: a leader has to try again before it gives up; make retryPeriod less than renewDeadline / 1.2" .retryPeriod .renewDeadline) }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{- /* A budget that never lets a Pod go holds up every drain of its node. */}}
{{- define "operator-library.refuseDisruption" -}}
{{- $replicas := int .Values.replicaCount }}
{{- with .Values.podDisruptionBudget }}
{{- if .enabled }}
{{- $hasLeast := not (kindIs "invalid" .minAvailable) }}
{{- $hasMost := not (kindIs "invalid" .maxUnavailable) }}
{{- if and $hasLeast $hasMost }}
{{- fail "podDisruptionBudget.minAvailable and podDisruptionBudget.maxUnavailable are both set: one of them is allowed; set the other to null" }}
{{- end }}
{{- if and $hasLeast (gt $replicas 0) (ge (include "operator-library.share" (dict "share" .minAvailable "of" $replicas) | int) $replicas) }}
{{- fail (printf "podDisruptionBudget.minAvailable is %v and replicaCount is %d: no Pod could be evicted, and a drain of its node would wait for ever; raise replicaCount, or set maxUnavailable in its place" .minAvailable $replicas) }}
{{- end }}
{{- if and $hasMost (eq (include "operator-library.share" (dict "share" .maxUnavailable "of" $replicas) | int) 0) (gt $replicas 0) }}
{{- fail (printf "podDisruptionBudget.maxUnavailable is %v: no Pod could be evicted, and a drain of its node would wait for ever; allow 1 at least" .maxUnavailable) }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{- define "operator-library.refusePorts" -}}
{{- $taken := dict (.Values.probes.port | int | toString) "probes" }}
{{- range include "operator-library.ports" . | fromYamlArray }}
{{- $port := .port | int | toString }}
{{- if hasKey $taken $port }}
{{- fail (printf "%s and %s are both to be served at port %s: give one of them another" (get $taken $port) .name $port) }}
{{- end }}
{{- $_ := set $taken $port .name }}
{{- end }}
{{- end }}

{{- /*
Of two entries of one name the API server refuses the second, or takes it silently: by how it is asked. And a variable
counts in place of the ConfigMap, whose value would do nothing.
*/}}
{{- define "operator-library.refuseEnvironment" -}}
{{- $taken := include (printf "%s.settings.live" .Chart.Name) . | fromYaml }}
{{- range include "operator-library.env" . | fromYamlArray }}
{{- if hasKey $taken .name }}
{{- fail (printf "extraEnv has %s, which is set already: set it by its own value, or by a flag in extraArgs, which counts in its place" .name) }}
{{- end }}
{{- $_ := set $taken .name true }}
{{- end }}
{{- end }}

{{- /* All that is served has one Service. */}}
{{- define "operator-library.refuseService" -}}
{{- if and .Values.metrics.enabled (not .Values.metrics.secure) (ne .Values.service.type "ClusterIP") }}
{{- fail (printf "service.type is %s and metrics.secure is false: whoever reaches the Service from outside could read metrics and /debug/state; set metrics.secure to true, metrics.enabled to false, or service.type to ClusterIP" .Values.service.type) }}
{{- end }}
{{- end }}

{{- define "operator-library.refuseScrape" -}}
{{- if not .Values.metrics.enabled }}
{{- range $part := list "serviceMonitor" "prometheusRule" "dashboard" }}
{{- if (index $.Values $part).enabled }}
{{- fail (printf "%s.enabled is true and metrics.enabled is false: there would be no metrics for it; set one of them otherwise" $part) }}
{{- end }}
{{- end }}
{{- end }}
{{- with .Values.serviceMonitor }}
{{- if .enabled }}
{{- $policy := $.Values.networkPolicy }}
{{- if and $policy.enabled (not $.Values.metrics.secure) (not $policy.metricsFrom) (not $policy.ingress) }}
{{- fail "serviceMonitor.enabled and networkPolicy.enabled are true, metrics.secure is false and networkPolicy.metricsFrom is empty: nobody could scrape; name Prometheus there, or set metrics.secure to true" }}
{{- end }}
{{- if gt (include "operator-library.seconds" .scrapeTimeout | float64) (include "operator-library.seconds" .interval | float64) }}
{{- fail (printf "serviceMonitor.scrapeTimeout is %s and serviceMonitor.interval is %s: Prometheus allows a scrape no longer than its interval" .scrapeTimeout .interval) }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{- /* A duration of Go's or Prometheus's in seconds. */}}
{{- define "operator-library.seconds" -}}
{{- $units := dict "ns" 0.000000001 "us" 0.000001 "ms" 0.001 "s" 1 "m" 60 "h" 3600 "d" 86400 "w" 604800 "y" 31536000 }}
{{- $sum := 0 }}
{{- range regexFindAll "[0-9.]+[a-z]+" . -1 }}
{{- $sum = addf $sum (mulf (regexFind "[0-9.]+" .) (get $units (regexFind "[a-z]+" .))) }}
{{- end }}
{{- $sum }}
{{- end }}

{{- /* What a number or a percentage (`share`) is of some Pods (`of`): a part of one counts as one, as in a budget. */}}
{{- define "operator-library.share" -}}
{{- if kindIs "string" .share -}}
{{ divf (mulf (trimSuffix "%" .share) .of) 100 | ceil }}
{{- else -}}
{{ int .share }}
{{- end }}
{{- end }}
