{{- /*
The gateway as a native sidecar of other charts' workloads, for Kubernetes 1.29 or later. A chart that depends on this one,
with `dragoman: {standalone: false}` among its values, includes "dragoman.sidecar" in `initContainers` and "dragoman.sidecar.volumes" in `volumes`, each with
  (dict "image" "dragoman:0.1.0" "configMap" NAME "secret" NAME)
The ConfigMap has an item dragoman.yaml with `listen: 127.0.0.1:8080` and `metrics: {listen: "0.0.0.0:9464"}`; items of
the Secret are files under /etc/dragoman/keys. The application is told OPENAI_BASE_URL=http://127.0.0.1:8080/v1.
*/ -}}
{{- define "dragoman.sidecar" -}}
- name: dragoman
  image: {{ required "image" .image }}
  restartPolicy: Always
  args: [serve, --config, /etc/dragoman/config/dragoman.yaml]
  ports:
    - {name: dragoman, containerPort: 9464}
  startupProbe:
    httpGet: {path: /readyz, port: dragoman}
    periodSeconds: 1
    failureThreshold: 60
  livenessProbe:
    httpGet: {path: /healthz, port: dragoman}
    periodSeconds: 10
    timeoutSeconds: 5
    failureThreshold: 6
  resources:
    {{- toYaml (.resources | default (dict "requests" (dict "cpu" "50m" "memory" "128Mi") "limits" (dict "memory" "256Mi"))) | nindent 4 }}
  securityContext:
    {{- include "dragoman.securityContext" . | nindent 4 }}
    runAsNonRoot: true
    runAsUser: 65532
    runAsGroup: 65532
    seccompProfile: {type: RuntimeDefault}
  volumeMounts:
    - {name: dragoman-config, mountPath: /etc/dragoman/config, readOnly: true}
    - {name: dragoman-keys, mountPath: /etc/dragoman/keys, readOnly: true}
{{- end -}}

{{- define "dragoman.sidecar.volumes" -}}
- name: dragoman-config
  configMap: {name: {{ required "configMap" .configMap }}}
- name: dragoman-keys
  secret: {secretName: {{ required "secret" .secret }}, defaultMode: 0444}
{{- end -}}

{{- define "dragoman.securityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end -}}
