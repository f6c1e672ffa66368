{{- /*
CustomResourceDefinitions are the cluster's and not the release's: all installations share them, users' objects outlive
each of them, and an earlier definition takes from objects what it does not know. So each says by an annotation which
version of the chart it is of, and the API server lets no earlier one take the place of a later one.
*/}}

{{- /* What is added to the metadata of a CustomResourceDefinition. */}}
{{- define "operator-library.definitionMetadata" -}}
{{- $version := dict "operator-suite/version" (include "operator-library.definitionVersion" .) -}}
labels:
  {{- include "operator-library.labels" (dict "root" .) | nindent 2 }}
annotations:
  {{- merge $version (include "operator-library.kept" . | fromYaml) (.Values.annotations | default dict) | toYaml | nindent 2 }}
{{- end }}

{{- /* The chart's version as a text that sorts. */}}
{{- define "operator-library.definitionVersion" -}}
{{- $version := semver .Chart.Version -}}
{{ printf "%04d.%04d.%04d" $version.Major $version.Minor $version.Patch }}
{{- end }}

{{- /* The annotation of what stays when the release goes. */}}
{{- define "operator-library.kept" -}}
{{- if .Values.crds.keep -}}
helm.sh/resource-policy: keep
{{- end }}
{{- end }}

{{- /*
What holds earlier definitions off. A rollback sends all that an earlier revision had, and cannot be told to leave
something out. From Kubernetes 1.36 on the API server puts back what stands, so that the rollback goes on with the
rest. What is not put back is refused.
*/}}
{{- define "operator-library.definitionPolicies" -}}
{{- if .Values.crds.install }}
{{- $name := printf "definitions.%s" (include (printf "%s.group" .Chart.Name) .) }}
{{- $metadata := include "operator-library.metadata" (dict "root" . "name" $name "namespace" "" "annotations" (include "operator-library.kept" . | fromYaml)) -}}
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata:
  {{- $metadata | nindent 2 }}
spec:
  failurePolicy: Fail
  {{- include "operator-library.earlierDefinitions" . | nindent 2 }}
  validations:
    - expression: object.spec == oldObject.spec
      messageExpression: >-
        "it is of version " + object.metadata.annotations["operator-suite/version"] + " of its chart, and the one in force of "
        + oldObject.metadata.annotations["operator-suite/version"] + ": objects would lose the fields that the earlier one lacks. "
        + "Leave definitions out of what goes back (crds.install=false), or delete the ValidatingAdmissionPolicy {{ $name }} first"
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata:
  {{- $metadata | nindent 2 }}
spec:
  policyName: {{ $name | quote }}
  validationActions: [Deny]
{{- if semverCompare ">=1.36.0-0" .Capabilities.KubeVersion.Version }}
---
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicy
metadata:
  {{- $metadata | nindent 2 }}
spec:
  # What fails here is refused by the other policy, which says why.
  failurePolicy: Ignore
  reinvocationPolicy: Never
  {{- include "operator-library.earlierDefinitions" . | nindent 2 }}
  mutations:
    - patchType: JSONPatch
      jsonPatch:
        expression: >-
          [
            JSONPatch{op: "replace", path: "/spec", value: oldObject.spec},
            JSONPatch{
              op: "replace", path: "/metadata/annotations/operator-suite~1version",
              value: oldObject.metadata.annotations["operator-suite/version"]
            }
          ]
---
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicyBinding
metadata:
  {{- $metadata | nindent 2 }}
spec:
  policyName: {{ $name | quote }}
{{- end }}
{{- end }}
{{- end }}

{{- /* Whom these policies ask about: definitions of the operator's kinds on their way back. */}}
{{- define "operator-library.earlierDefinitions" -}}
matchConstraints:
  resourceRules:
    - apiGroups: [apiextensions.k8s.io]
      apiVersions: [v1]
      operations: [UPDATE]
      resources: [customresourcedefinitions]
matchConditions:
  - name: of-this-operator
    expression: object.spec.group == "{{ include (printf "%s.group" .Chart.Name) . }}"
  - name: of-a-known-version
    expression: >-
      [object, oldObject].all(it, has(it.metadata.annotations) && "operator-suite/version" in it.metadata.annotations)
  - name: earlier
    expression: >-
      object.metadata.annotations["operator-suite/version"] < oldObject.metadata.annotations["operator-suite/version"]
{{- end }}
