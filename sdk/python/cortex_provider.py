"""Serve a Cortex Host provider from Python.

A provider is an object with three methods, called from many threads at once:

    describe() -> dict                   the fields of cortex.provider.v1.DescribeResponse
    configure(settings: dict)            takes over settings, or raises Failure
    complete(request, call) -> Response  one query, one call to the vendor, no retry

call is gRPC's context: call.time_remaining() is how many seconds the host waits,
or None, and call.add_callback(f) has f called when nobody waits any more. A
provider that waits for a vendor gives up then; with http.client, say:

    connection.connect()
    sock = connection.sock  # the response takes it away from the connection
    call.add_callback(lambda: cortex_provider.hang_up(sock))

and its main is one call: cortex_provider.serve(provider). Needs grpcio, and the
stubs that grpc_tools.protoc makes of provider.proto (see README.md).
"""

import json
import os
import signal
import socket
import sys
import tempfile
import threading
import traceback
from concurrent import futures

import grpc

from cortex.provider.v1 import provider_pb2 as pb
from cortex.provider.v1 import provider_pb2_grpc as wire

MAX_MESSAGE = 64 << 20


class Failure(Exception):
    """A failure with its kind, such as pb.ERROR_KIND_RATE_LIMITED."""

    def __init__(self, kind, message, **fields):
        super().__init__(message)
        self.error = pb.Error(kind=kind, message=message, **fields)


class _Servicer(wire.ProviderServicer):
    def __init__(self, provider):
        self.provider = provider

    def Describe(self, request, context):
        return pb.DescribeResponse(**self.provider.describe())

    def Configure(self, request, context):
        error = _outcome(lambda: self.provider.configure(json.loads(request.settings)))[1]
        return pb.ConfigureResponse(error=error)

    def Complete(self, request, context):
        response, error = _outcome(lambda: self.provider.complete(request, context))
        return pb.CompleteResponse(response=response, error=error) if error is None else pb.CompleteResponse(error=error)


def hang_up(sock):
    """Ends a connection under whoever reads from it. It may be closed already."""
    try:
        sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass


def _outcome(call):
    """A failure is an outcome, never a gRPC status: that would mean that the plugin broke."""
    try:
        return call(), None
    except Failure as failure:
        return None, failure.error
    except Exception as error:  # a bug: the type says enough, the text may hold a secret
        traceback.print_tb(error.__traceback__)
        return None, pb.Error(kind=pb.ERROR_KIND_INTERNAL, message=f"the plugin failed: {type(error).__name__}")


def _go_plugin(stop):
    """What go-plugin expects beside the provider, without stubs: a health check and a way to be ended."""

    def health(request, context):
        return b"\x08\x01"  # HealthCheckResponse{status: SERVING}

    def shutdown(request, context):
        stop.set()
        return b""

    unary = grpc.unary_unary_rpc_method_handler
    return (
        grpc.method_handlers_generic_handler("grpc.health.v1.Health", {"Check": unary(health)}),
        grpc.method_handlers_generic_handler("plugin.GRPCController", {"Shutdown": unary(shutdown)}),
    )


def serve(provider):
    """The whole main of a plugin: the handshake, then calls until the host ends it."""
    if os.environ.get("CORTEX_HOST_PLUGIN") != "cortex.provider.v1":
        sys.exit("error: this is a plugin of Cortex Host\nhint: cortex-host run --provider NAME ...")
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    server = grpc.server(
        futures.ThreadPoolExecutor(max_workers=64),
        handlers=_go_plugin(stop),
        options=[("grpc.max_receive_message_length", MAX_MESSAGE), ("grpc.max_send_message_length", MAX_MESSAGE)],
    )
    wire.add_ProviderServicer_to_server(_Servicer(provider), server)
    directory = os.environ.get("PLUGIN_UNIX_SOCKET_DIR") or tempfile.mkdtemp()
    path = os.path.join(directory, f"py{os.getpid()}")
    server.add_insecure_port("unix:" + path)
    server.start()
    # The handshake is the one line that stdout is for.
    print(f"1|1|unix|{path}|grpc", flush=True)
    stop.wait()
    server.stop(grace=1).wait()
