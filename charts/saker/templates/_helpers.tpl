{{- define "saker.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "saker.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 57 | trimSuffix "-" }}
{{- else if contains (include "saker.name" .) .Release.Name }}
{{- .Release.Name | trunc 57 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "saker.name" .) | trunc 57 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "saker.selectorLabels" -}}
app.kubernetes.io/name: {{ include "saker.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "saker.labels" -}}
{{ include "saker.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- /* Annotations of an object: the common ones, and those given as "own". */}}
{{- define "saker.annotations" -}}
{{- with merge (dict) (.own | default dict) (.root.Values.commonAnnotations | default dict) }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "saker.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "saker.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "saker.image" -}}
{{- with .Values.image -}}
{{- if .digest }}{{ .repository }}@{{ .digest }}{{ else }}{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}{{ end }}
{{- end }}
{{- end }}

{{- /* "true" if what is set to true, false or auto is wanted; auto: if the cluster knows "kind" of the Prometheus operator. */}}
{{- define "saker.wanted" -}}
{{- if eq (toString .enabled) "auto" }}
{{- if .root.Capabilities.APIVersions.Has (printf "monitoring.coreos.com/v1/%s" .kind) }}true{{ end }}
{{- else if .enabled }}true{{ end }}
{{- end }}

{{- define "saker.wantsPodMonitor" -}}
{{- if not (and .Values.serviceMonitor.enabled (eq (toString .Values.podMonitor.enabled) "auto")) }}
{{- include "saker.wanted" (dict "enabled" .Values.podMonitor.enabled "kind" "PodMonitor" "root" .) }}
{{- end }}
{{- end }}

{{- /* "true" if HTTP is served by TLS. */}}
{{- define "saker.hasTls" -}}
{{- if .Values.web.configSecret }}{{ if .Values.web.configSecretHasTls }}true{{ end }}
{{- else if .Values.web.tls.enabled }}true{{ end }}
{{- end }}

{{- /* "true" if there is a web configuration. */}}
{{- define "saker.hasWebConfig" -}}
{{- if or .Values.web.configSecret .Values.web.tls.enabled }}true{{ end }}
{{- end }}

{{- /* "true" if a request of the kubelet would be turned away. */}}
{{- define "saker.shutsOutProbes" -}}
{{- if or .Values.web.configSecret (and .Values.web.tls.enabled .Values.web.tls.clientAuth) }}true{{ end }}
{{- end }}

{{- /* What a probe does: "path" is asked for, or only the port tried. */}}
{{- define "saker.probe" -}}
{{- if include "saker.shutsOutProbes" .root }}
tcpSocket:
  port: metrics
{{- else }}
httpGet:
  path: {{ .path }}
  port: metrics
  {{- if include "saker.hasTls" .root }}
  scheme: HTTPS
  {{- end }}
{{- end }}
{{- end }}

{{- /* The paths of the rules, in order, as JSON; without any the agent takes those that it carries. */}}
{{- define "saker.rulePaths" -}}
{{- $paths := list }}
{{- if .Values.rules.custom }}{{ $paths = append $paths "/etc/saker/rules.d/custom" }}{{ end }}
{{- range .Values.rules.configMaps }}{{ $paths = append $paths (printf "/etc/saker/rules.d/configmap-%s" .) }}{{ end }}
{{- if and $paths .Values.rules.bundled }}{{ $paths = prepend $paths "/usr/share/saker/rules" }}{{ end }}
{{- toJson $paths }}
{{- end }}

{{- /* The agent's configuration file. */}}
{{- define "saker.config" -}}
{{- include "saker.check" . }}
{{- $config := deepCopy .Values.config }}
{{- range $key := list "rule_selection" "workload_metrics" "runtimes" "otlp" }}
{{- if empty (get $config $key) }}{{ $config = omit $config $key }}{{ end }}
{{- end }}
{{- $paths := include "saker.rulePaths" . | fromJsonArray }}
{{- if $paths }}{{ $_ := set $config "rules" $paths }}{{ end }}
{{- $_ := set $config "listen" (printf "%s:%d" .Values.web.address (int .Values.web.port)) }}
{{- if .Values.web.configSecret }}{{ $_ := set $config "web_config_file" "/etc/saker/web/web.yaml" }}
{{- else if .Values.web.tls.enabled }}{{ $_ := set $config "web_config_file" "/etc/saker/config/web.yaml" }}{{ end }}
{{- if .Values.kubernetes.enabled }}{{ $_ := set $config "kubernetes" dict }}{{ end }}
{{- if .Values.otlp.tlsSecret }}
{{- $tls := dict "ca" "/etc/saker/otlp/ca.crt" }}
{{- if .Values.otlp.clientCertificate }}
{{- $tls = merge $tls (dict "certificate" "/etc/saker/otlp/tls.crt" "key" "/etc/saker/otlp/tls.key") }}
{{- end }}
{{- $_ := set $config.otlp "tls" $tls }}
{{- end }}
{{- toYaml $config }}
{{- end }}

{{- define "saker.webConfig" -}}
tls_server_config:
  cert_file: /etc/saker/tls/tls.crt
  key_file: /etc/saker/tls/tls.key
  {{- if .Values.web.tls.clientAuth }}
  client_ca_file: /etc/saker/tls/ca.crt
  client_auth_type: RequireAndVerifyClientCert
  {{- with .Values.web.tls.clientAllowedSans }}
  client_allowed_sans:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- end }}
{{- end }}

{{- /* Faults that the schema cannot express. */}}
{{- define "saker.check" -}}
{{- if and (not .Values.rules.bundled) (not .Values.rules.custom) (not .Values.rules.configMaps) }}
{{- fail "rules: no rule would be loaded; set rules.bundled, or give rules.custom or rules.configMaps" }}
{{- end }}
{{- if and .Values.web.tls.enabled (not .Values.web.tls.secretName) }}
{{- fail "web.tls.secretName: names no Secret; TLS needs one of type kubernetes.io/tls" }}
{{- end }}
{{- if and .Values.web.tls.enabled .Values.web.configSecret }}
{{- fail "web.configSecret: takes the place of web.tls; set web.tls.enabled to false, and say configSecretHasTls" }}
{{- end }}
{{- if and .Values.otlp.clientCertificate (not .Values.otlp.tlsSecret) }}
{{- fail "otlp.clientCertificate: needs otlp.tlsSecret, a Secret with ca.crt, tls.crt and tls.key" }}
{{- end }}
{{- if and (or .Values.otlp.tlsSecret .Values.otlp.headersSecret) (not (get .Values.config.otlp "endpoint")) }}
{{- fail "otlp: there is a Secret for a collector, but none is named; set config.otlp.endpoint" }}
{{- end }}
{{- if and .Values.tests.user (not .Values.tests.passwordSecret) }}
{{- fail "tests.user: has no password; set tests.passwordSecret to name and key of a Secret" }}
{{- end }}
{{- if and .Values.serviceMonitor.enabled (not .Values.service.enabled) }}
{{- fail "serviceMonitor.enabled: needs the Service; set service.enabled, or take the PodMonitor" }}
{{- end }}
{{- end }}
