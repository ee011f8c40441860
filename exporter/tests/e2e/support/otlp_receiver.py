"""An OTLP receiver that answers as it is told: gRPC by grpcio, HTTP by the standard library.

Prints a line of JSON with its port, and then one for each request. Reads lines of JSON from standard input: what to answer to
the next requests, in turn, and says how many it has read. What nobody
scripted is answered with success, and null is no answer.
"""

import argparse
import gzip
import json
import os
import ssl
import sys
import threading
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import grpc
from google.protobuf.any_pb2 import Any
from google.rpc import error_details_pb2, status_pb2
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2 as logs
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2_grpc as logs_grpc
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2 as metrics
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2_grpc as metrics_grpc

script = deque()
# A gRPC server that nobody refers to is gone.
alive = []
lock = threading.Lock()


def tell(message):
    with lock:
        print(json.dumps(message), flush=True)


def next_answer():
    with lock:
        return script.popleft() if script else {}


def value(any_value):
    kind = any_value.WhichOneof("value")
    if kind is None:
        return None
    if kind == "array_value":
        return [value(item) for item in any_value.array_value.values]
    return getattr(any_value, kind)


def attributes(pairs):
    return {pair.key: value(pair.value) for pair in pairs}


def records(request):
    found = []
    for of_resource in request.resource_logs:
        for of_scope in of_resource.scope_logs:
            for record in of_scope.log_records:
                found.append(
                    {
                        "resource": attributes(of_resource.resource.attributes),
                        "scope": of_scope.scope.name,
                        "event_name": record.event_name,
                        "severity_number": record.severity_number,
                        "severity_text": record.severity_text,
                        "time": record.time_unix_nano,
                        "observed": record.observed_time_unix_nano,
                        "body": value(record.body),
                        "attributes": attributes(record.attributes),
                    }
                )
    return found


def points(metric):
    kind = metric.WhichOneof("data")
    data = getattr(metric, kind)
    found = []
    for point in data.data_points:
        shown = {
            "attributes": attributes(point.attributes),
            "start": point.start_time_unix_nano,
            "time": point.time_unix_nano,
        }
        if kind in ("sum", "gauge"):
            shown["value"] = getattr(point, point.WhichOneof("value"))
        else:
            shown["count"] = point.count
            shown["sum"] = point.sum
        if kind == "histogram":
            shown["bounds"] = list(point.explicit_bounds)
            shown["buckets"] = list(point.bucket_counts)
        if kind == "exponential_histogram":
            shown["scale"] = point.scale
            shown["zero_count"] = point.zero_count
            shown["offset"] = point.positive.offset
            shown["buckets"] = list(point.positive.bucket_counts)
        found.append(shown)
    return kind, data, found


def families(request):
    found = []
    for of_resource in request.resource_metrics:
        for of_scope in of_resource.scope_metrics:
            for metric in of_scope.metrics:
                kind, data, shown = points(metric)
                found.append(
                    {
                        "name": metric.name,
                        "unit": metric.unit,
                        "description": metric.description,
                        "kind": kind,
                        "monotonic": getattr(data, "is_monotonic", None),
                        "temporality": getattr(data, "aggregation_temporality", None),
                        "points": shown,
                    }
                )
    return found


def report(request, headers, answer):
    if isinstance(request, logs.ExportLogsServiceRequest):
        tell({"records": records(request), "headers": headers, "answer": answer, "time": time.time_ns()})
    else:
        tell({"metrics": families(request), "headers": headers, "answer": answer, "time": time.time_ns()})


def success(request, answer):
    if isinstance(request, metrics.ExportMetricsServiceRequest):
        return metrics.ExportMetricsServiceResponse()
    response = logs.ExportLogsServiceResponse()
    if "rejected" in answer:
        response.partial_success.rejected_log_records = answer["rejected"]
        response.partial_success.error_message = "some were not liked"
    return response


def details(answer):
    status = status_pb2.Status(code=8, message="scripted")
    if "retry_ms" in answer:
        info = error_details_pb2.RetryInfo()
        info.retry_delay.FromMilliseconds(answer["retry_ms"])
        packed = Any()
        packed.Pack(info)
        status.details.append(packed)
    return status.SerializeToString()


class Export(logs_grpc.LogsServiceServicer, metrics_grpc.MetricsServiceServicer):
    def Export(self, request, context):
        answer = next_answer()
        report(request, dict(context.invocation_metadata()), answer)
        time.sleep(answer.get("slow_ms", 0) / 1000)
        if "code" in answer:
            context.set_trailing_metadata((("grpc-status-details-bin", details(answer)),))
            context.abort(getattr(grpc.StatusCode, answer["code"]), "scripted")
        return success(request, answer)


class Post(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        if self.headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        kind = logs.ExportLogsServiceRequest if self.path == "/v1/logs" else metrics.ExportMetricsServiceRequest
        request = kind.FromString(body)
        answer = next_answer()
        headers = {key.lower(): text for key, text in self.headers.items()}
        report(request, headers, answer)
        time.sleep(answer.get("slow_ms", 0) / 1000)
        status = answer.get("status", 200)
        body = success(request, answer).SerializeToString() if status == 200 else details(answer)
        self.send_response(status)
        if "retry_after" in answer:
            self.send_header("Retry-After", str(answer["retry_after"]))
        self.send_header("Content-Type", "application/x-protobuf")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        try:
            self.wfile.write(body)
        except OSError:
            pass  # Nobody waited for it.

    def log_message(self, *_):
        pass


def serve_grpc(options):
    server = grpc.server(ThreadPoolExecutor(8), options=[("grpc.so_reuseport", 0)])
    export = Export()
    logs_grpc.add_LogsServiceServicer_to_server(export, server)
    metrics_grpc.add_MetricsServiceServicer_to_server(export, server)
    address = f"127.0.0.1:{options.port}"
    if options.key:
        pair = (open(options.key, "rb").read(), open(options.certificate, "rb").read())
        ca = open(options.client_ca, "rb").read() if options.client_ca else None
        credentials = grpc.ssl_server_credentials([pair], ca, options.client_ca is not None)
        port = server.add_secure_port(address, credentials)
    else:
        port = server.add_insecure_port(address)
    server.start()
    alive.append(server)
    return port


def serve_http(options):
    ThreadingHTTPServer.daemon_threads = True
    server = ThreadingHTTPServer(("127.0.0.1", options.port), Post)
    if options.key:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(options.certificate, options.key)
        if options.client_ca:
            context.load_verify_locations(options.client_ca)
            context.verify_mode = ssl.CERT_REQUIRED
        # The handshake is done by the thread of the connection.
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_address[1]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("protocol", choices=["grpc", "http/protobuf"])
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--certificate")
    parser.add_argument("--key")
    parser.add_argument("--client-ca")
    options = parser.parse_args()
    serve = serve_grpc if options.protocol == "grpc" else serve_http
    tell({"port": serve(options)})
    for count, line in enumerate(sys.stdin, 1):
        answer = json.loads(line)
        with lock:
            if answer is not None:
                script.append(answer)
        tell({"scripted": count})
    # Whoever started us has gone.
    os._exit(0)


main()
