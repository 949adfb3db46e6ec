"""The stub of Terraform's AWS provider: a gRPC server on a unix socket that knows shapes, and no AWS."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from concurrent import futures
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

# Terraform is started by fork and exec while the server runs: gRPC must not stop for that.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
import grpc

from local.infra_check.terraform import messages
from local.infra_check.terraform.account import filled_in
from local.infra_check.terraform.shapes import Block
from local.infra_check.terraform.values import UNKNOWN, pack, set_though_computed, unpack

_MAX_MESSAGE_BYTES = 64 << 20
_LEGACY_TYPE_SYSTEM = 5  # as the real provider: an answer that bends a value is a warning, not an error


@dataclass(slots=True)
class StubProvider:
    """Answers Terraform's calls from the shapes that it is given; the names of its methods are the protocol's.

    Args:
        shape: of the provider's own configuration.
        resources: shapes by type.
        sources: shapes of data sources by type.
        region: where the provider's configuration names none.
    """

    shape: Block
    resources: Mapping[str, Block]
    sources: Mapping[str, Block]
    region: str
    _region: str = field(init=False)
    _schemas: bytes = field(init=False)

    def __post_init__(self) -> None:
        self._region = self.region
        self._schemas = messages.schemas(self.shape, self.resources, self.sources)

    def calls(self) -> dict[str, Callable[[bytes], bytes]]:
        """Return the protocol's calls by name."""
        return {
            "GetSchema": lambda _: self._schemas,
            "PrepareProviderConfig": lambda request: messages.message(
                1, messages.data(messages.read(request), 1)
            ),
            "Configure": self.configure,
            "ValidateResourceTypeConfig": lambda request: self._validate(request, self.resources),
            "ValidateDataSourceConfig": lambda request: self._validate(request, self.sources),
            "PlanResourceChange": self.plan,
            "ReadDataSource": self.read,
            "Stop": lambda _: b"",
        }

    def configure(self, request: bytes) -> bytes:
        """Take the region of the provider's configuration, until another folder configures it anew."""
        config = _value(messages.read(request), 2)
        given = config.get("region")
        self._region = given if isinstance(given, str) else self.region
        return b""

    def plan(self, request: bytes) -> bytes:
        """Return what will be: of a new resource as configured, with what AWS would give; of others as proposed."""
        fields = messages.read(request)
        kind = messages.text(fields, 1)
        prior, proposed = _value(fields, 2), _value(fields, 3)
        if prior is None and proposed is not None:
            proposed = filled_in(kind, self.resources[kind], proposed, self._region)
        planned = messages.dynamic_value(pack(proposed))
        return messages.message(1, planned) + messages.field(_LEGACY_TYPE_SYSTEM, 1)

    def read(self, request: bytes) -> bytes:
        """Return a data source as configured, with what AWS would say."""
        fields = messages.read(request)
        kind = messages.text(fields, 1)
        state = filled_in(kind, self.sources[kind], _value(fields, 2), self._region, is_data=True)
        return messages.message(1, messages.dynamic_value(pack(state)))

    def _validate(self, request: bytes, shapes: Mapping[str, Block]) -> bytes:
        fields = messages.read(request)
        kind = messages.text(fields, 1)
        config = _value(fields, 2)
        if config is UNKNOWN:
            return b""
        faults = [
            ("Value for a read-only attribute", f"{kind}: {path} is decided by AWS and cannot be set.")
            for path in set_though_computed(shapes[kind], config)
        ]
        return messages.diagnostics(1, faults)


@contextmanager
def serving(provider: StubProvider, socket: Path) -> Iterator[None]:
    """Serve a provider on a unix socket while the context lasts."""
    server = grpc.server(
        futures.ThreadPoolExecutor(max_workers=8),
        options=[("grpc.max_send_message_length", _MAX_MESSAGE_BYTES)],
    )
    services = {"tfplugin5.Provider": provider.calls(), "plugin.GRPCController": {"Shutdown": lambda _: b""}}
    for name, calls in services.items():
        handlers = {call: _handler(answer) for call, answer in calls.items()}
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(name, handlers),))
    server.add_insecure_port(f"unix:{socket}")
    server.start()
    try:
        yield
    finally:
        server.stop(None).wait()


def _handler(answer: Callable[[bytes], bytes]) -> grpc.RpcMethodHandler:
    return grpc.unary_unary_rpc_method_handler(lambda request, _context: answer(request))


def _value(fields: messages.Fields, number: int) -> Any:
    """Return the value of a field that holds a DynamicValue."""
    return unpack(messages.data(messages.read(messages.data(fields, number)), 1))
