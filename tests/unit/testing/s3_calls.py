"""Calls on the S3 double: what became of one, of many at once, and of one whose bytes the test wrote itself."""

from __future__ import annotations

import socket
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPResponse
from typing import Any

import botocore.exceptions
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from headwater.testing.s3_double import S3Double

THREADS = 16


def outcome(call: Callable[..., Any], **arguments: Any) -> tuple[int, str]:
    """The status and the error code of a call; the code is empty when it went well."""
    try:
        return call(**arguments)["ResponseMetadata"]["HTTPStatusCode"], ""
    except botocore.exceptions.ClientError as error:
        return error.response["ResponseMetadata"]["HTTPStatusCode"], error.response["Error"]["Code"]


def race(call: Callable[..., Any], arguments: list[dict[str, Any]]) -> Counter[tuple[int, str]]:
    """The outcomes of one call made with all these arguments at the same moment, each in a thread of its own."""
    barrier = threading.Barrier(len(arguments))

    def run(each: dict[str, Any]) -> tuple[int, str]:
        barrier.wait()
        return outcome(call, **each)

    with ThreadPoolExecutor(len(arguments)) as pool:
        return Counter(pool.map(run, arguments))


class _AsTold(S3SigV4Auth):
    """Signs whatever payload hash the request already states."""

    def payload(self, request: AWSRequest) -> str:
        return str(request.context["stated"])


def head(double: S3Double, method: str, target: str, payload: str = "UNSIGNED-PAYLOAD", **headers: str) -> bytes:
    """The signed head of a request; an underscore in a header's name stands for a hyphen."""
    request = AWSRequest(method, double.endpoint + target)
    request.context["stated"] = payload
    for name, value in headers.items():
        request.headers[name.replace("_", "-")] = value
    _AsTold(Credentials(double.access_key, double.secret_key), "s3", double.region).add_auth(request)
    request.headers["Host"] = double.endpoint.removeprefix("http://")
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in request.headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def connect(double: S3Double) -> socket.socket:
    """A connection to the double."""
    return socket.create_connection(("127.0.0.1", int(double.endpoint.rpartition(":")[2])), timeout=10)


def receive(connection: socket.socket, method: str = "PUT") -> tuple[int, str]:
    """The next answer: its status and its body."""
    response = HTTPResponse(connection, method=method)
    response.begin()
    return response.status, response.read().decode()


def send(double: S3Double, request: bytes) -> tuple[int, str]:
    """The answer to these bytes on a connection of their own."""
    with connect(double) as connection:
        connection.sendall(request)
        return receive(connection)
