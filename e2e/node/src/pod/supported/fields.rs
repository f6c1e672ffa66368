//! The fields of a Pod's spec that this node understands.

use serde_json::Value;

use super::Allowed::{self, Any, If, Only};
use super::mount_path;

/// The fields, each with all that is below it. `[]` stands for each item of a list.
pub(super) const FIELDS: &[(&str, Allowed)] = &[
    // What others see to: the scheduler, the controllers, whoever pulls an image.
    ("affinity", Any),
    ("imagePullSecrets", Any),
    ("nodeName", Any),
    ("nodeSelector", Any),
    ("preemptionPolicy", Any),
    ("priority", Any),
    ("priorityClassName", Any),
    ("schedulerName", Any),
    ("serviceAccount", Any),
    ("serviceAccountName", Any),
    ("tolerations", Any),
    ("topologySpreadConstraints", Any),
    ("automountServiceAccountToken", Any),
    // Services have no addresses to put into variables, whether they are asked for or not.
    ("enableServiceLinks", Any),
    ("dnsPolicy", Only(&["ClusterFirst", "Default"])),
    ("restartPolicy", Any),
    ("terminationGracePeriodSeconds", Any),
    ("securityContext.fsGroup", Any),
    ("securityContext.fsGroupChangePolicy", Any),
    ("securityContext.runAsGroup", Any),
    ("securityContext.runAsNonRoot", Any),
    ("securityContext.runAsUser", If(not_root)),
    (
        "securityContext.seccompProfile.type",
        Only(&["RuntimeDefault"]),
    ),
    ("securityContext.supplementalGroups", Any),
    ("containers[].args", Any),
    ("containers[].command", Any),
    ("containers[].env[].name", Any),
    ("containers[].env[].value", Any),
    ("containers[].env[].valueFrom.configMapKeyRef", Any),
    ("containers[].env[].valueFrom.fieldRef", Any),
    ("containers[].env[].valueFrom.secretKeyRef", Any),
    ("containers[].envFrom[].configMapRef", Any),
    ("containers[].envFrom[].prefix", Any),
    ("containers[].envFrom[].secretRef", Any),
    ("containers[].image", Any),
    ("containers[].imagePullPolicy", Any),
    ("containers[].lifecycle.preStop.sleep.seconds", Any),
    ("containers[].livenessProbe.failureThreshold", Any),
    ("containers[].livenessProbe.httpGet.path", Any),
    ("containers[].livenessProbe.httpGet.port", Any),
    ("containers[].livenessProbe.httpGet.scheme", Only(&["HTTP"])),
    ("containers[].livenessProbe.initialDelaySeconds", Any),
    ("containers[].livenessProbe.periodSeconds", Any),
    ("containers[].livenessProbe.successThreshold", Any),
    ("containers[].livenessProbe.timeoutSeconds", Any),
    ("containers[].name", Any),
    ("containers[].ports[].containerPort", Any),
    ("containers[].ports[].name", Any),
    ("containers[].ports[].protocol", Any),
    ("containers[].readinessProbe.failureThreshold", Any),
    ("containers[].readinessProbe.httpGet.path", Any),
    ("containers[].readinessProbe.httpGet.port", Any),
    (
        "containers[].readinessProbe.httpGet.scheme",
        Only(&["HTTP"]),
    ),
    ("containers[].readinessProbe.initialDelaySeconds", Any),
    ("containers[].readinessProbe.periodSeconds", Any),
    ("containers[].readinessProbe.successThreshold", Any),
    ("containers[].readinessProbe.timeoutSeconds", Any),
    // The scheduler's; nothing here holds a process to its limits.
    ("containers[].resources", Any),
    // No container here may ever gain privileges, so none is to ask for it.
    (
        "containers[].securityContext.allowPrivilegeEscalation",
        Only(&["false"]),
    ),
    ("containers[].securityContext.capabilities.drop", Any),
    ("containers[].securityContext.privileged", Only(&["false"])),
    ("containers[].securityContext.readOnlyRootFilesystem", Any),
    ("containers[].securityContext.runAsGroup", Any),
    ("containers[].securityContext.runAsNonRoot", Any),
    ("containers[].securityContext.runAsUser", If(not_root)),
    (
        "containers[].securityContext.seccompProfile.type",
        Only(&["RuntimeDefault"]),
    ),
    ("containers[].startupProbe.failureThreshold", Any),
    ("containers[].startupProbe.httpGet.path", Any),
    ("containers[].startupProbe.httpGet.port", Any),
    ("containers[].startupProbe.httpGet.scheme", Only(&["HTTP"])),
    ("containers[].startupProbe.initialDelaySeconds", Any),
    ("containers[].startupProbe.periodSeconds", Any),
    ("containers[].startupProbe.successThreshold", Any),
    ("containers[].startupProbe.timeoutSeconds", Any),
    // There is no file for last words; with FallbackToLogsOnError the log's end takes their place.
    ("containers[].terminationMessagePath", Any),
    ("containers[].terminationMessagePolicy", Any),
    (
        "containers[].volumeMounts[].mountPath",
        If(mount_path::check),
    ),
    ("containers[].volumeMounts[].name", Any),
    ("containers[].volumeMounts[].readOnly", Any),
    ("volumes[].configMap", Any),
    ("volumes[].downwardAPI.defaultMode", Any),
    ("volumes[].downwardAPI.items[].fieldRef", Any),
    ("volumes[].downwardAPI.items[].mode", Any),
    ("volumes[].downwardAPI.items[].path", Any),
    // Every folder here is in memory.
    ("volumes[].emptyDir.medium", Any),
    ("volumes[].name", Any),
    ("volumes[].projected.defaultMode", Any),
    ("volumes[].projected.sources[].configMap", Any),
    (
        "volumes[].projected.sources[].downwardAPI.items[].fieldRef",
        Any,
    ),
    (
        "volumes[].projected.sources[].downwardAPI.items[].mode",
        Any,
    ),
    (
        "volumes[].projected.sources[].downwardAPI.items[].path",
        Any,
    ),
    ("volumes[].projected.sources[].secret", Any),
    ("volumes[].projected.sources[].serviceAccountToken", Any),
    ("volumes[].secret", Any),
];

/// A container's user is the machine's of that number, as which it may be allowed more than its mounts let it do.
fn not_root(user: &Value) -> Result<(), String> {
    match user.as_i64() {
        Some(0) => Err("users other than the machine's root".to_owned()),
        _ => Ok(()),
    }
}
