// The shape that every Kubernetes object shares. `apiVersion` and `kind` say which kind's type an object has.

/** Object metadata: the fields that Sluice reads. */
export interface ObjectMeta {
  readonly name: string;
  /** Absent on cluster-scoped objects. */
  readonly namespace?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly generation?: number;
  /** RFC 3339, in seconds. */
  readonly creationTimestamp?: string;
  readonly deletionTimestamp?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
}

/** Metadata of a namespaced object. */
export interface NamespacedObjectMeta extends ObjectMeta {
  readonly namespace: string;
}

export interface KubernetesObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectMeta;
}

export type ConditionStatus = 'True' | 'False' | 'Unknown';

/** metav1.Condition. */
export interface Condition {
  readonly type: string;
  readonly status: ConditionStatus;
  readonly reason: string;
  readonly message: string;
  /** RFC 3339, in seconds. */
  readonly lastTransitionTime: string;
  readonly observedGeneration?: number;
}
