"""The AWS account that the operator's own credentials lead to, and in words what keeps a command from it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple, overload

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    HTTPClientError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
    SSOError,
    TokenRetrievalError,
)
from botocore.exceptions import ConnectionError as NetworkError

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client

# What AWS answers where a permission is missing, by service.
REFUSED = frozenset(
    {
        "AccessDenied",
        "AccessDeniedException",
        "UnauthorizedOperation",
        "AuthorizationError",
        "Forbidden",
    }
)
# A person waits: what does not answer is told soon, and tried once more.
_CONNECT_SECONDS, _READ_SECONDS, _TRIES = 5, 20, 2
_TRIES_OF_PAGES = 6  # whoever reads many pages is throttled now and then, and must not begin again
_NOBODY = {
    "AuthFailure",
    "ExpiredToken",
    "ExpiredTokenException",
    "IncompleteSignature",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "OptInRequired",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
}


class NoRegionError(Exception):
    """No home region is named and none follows; the message says how to name it."""


class Account:
    """The account that the operator's own credentials lead to; clients are made when they are first asked for."""

    def __init__(self, session: boto3.Session | None = None, *, reads_pages: bool = False) -> None:
        self._session = session or boto3.Session()
        self._config = Config(
            connect_timeout=_CONNECT_SECONDS,
            read_timeout=_READ_SECONDS,
            retries={
                "mode": "standard",
                "total_max_attempts": _TRIES_OF_PAGES if reads_pages else _TRIES,
            },
        )
        self._clients: dict[tuple[str, str], Any] = {}
        self._answers: dict[str, Any] = {}

    def client(self, service: str, region: str) -> Any:
        """Return a boto3 client; services whose answers are read as they come have no type of their own."""
        if (service, region) not in self._clients:
            self._clients[service, region] = self._session.client(  # type: ignore[call-overload]
                service, region_name=region, config=self._config
            )
        return self._clients[service, region]

    def remembered(self, question: str, ask: Callable[[], Any]) -> Any:
        """Return an answer that several checks need, asked for once; a failure is not remembered."""
        if question not in self._answers:
            self._answers[question] = ask()
        return self._answers[question]

    def forget(self) -> None:
        """Ask everything anew."""
        self._answers.clear()

    def partition_of(self, region: str) -> str:
        """Return which of AWS's partitions a region is in; BotoCoreError where none is known of it."""
        return self._session.get_partition_for_region(region)

    def ec2(self, region: str) -> EC2Client:
        """Return the EC2 client of a region."""
        client: EC2Client = self.client("ec2", region)
        return client


def home_session(region: str | None, regions: Iterable[str]) -> boto3.Session:
    """Return a session in the home region: as named, as in the AWS settings, or the only one of the pools'.

    Of the settings ``AWS_REGION`` comes first, which boto3 itself does not read.

    Raises:
        NoRegionError: none is named, and pools are in several.
        BotoCoreError: the settings name a profile that is not there.
    """
    session = boto3.Session(region_name=region or os.environ.get("AWS_REGION") or None)
    if session.region_name:
        return session
    of_pools = sorted(set(regions))
    if len(of_pools) == 1:
        return boto3.Session(region_name=of_pools[0])
    raise NoRegionError(
        f"--region is needed: pools are in {' and '.join(of_pools)}, and your AWS settings name no region;"
        " it is the home region, where the functions are"
    )


class Kind(StrEnum):
    """What is missing on the way to an account."""

    CREDENTIALS = "credentials"
    ACCEPTANCE = "acceptance"
    CONNECTION = "connection"


class Lack(NamedTuple):
    """What keeps a command from the account: its kind, a sentence, and what mends it."""

    kind: Kind
    said: str
    mend: str

    @property
    def told(self) -> str:
        """Return both as sentences."""
        return f"{self.said}. {self.mend[0].upper()}{self.mend[1:]}"


@overload
def lack_of(fault: BotoCoreError) -> Lack: ...
@overload
def lack_of(fault: BaseException | None) -> Lack | None: ...
def lack_of(fault: BaseException | None) -> Lack | None:
    """Return what is missing where a call failed before it reached what it asks for; None where it did reach it."""
    if isinstance(fault, NoCredentialsError | PartialCredentialsError | ProfileNotFound):
        said = str(fault) if isinstance(fault, ProfileNotFound) else "there are no AWS credentials"
        mend = "log in (aws sso login, or a profile in AWS_PROFILE), then run it again"
        return Lack(Kind.CREDENTIALS, said, mend)
    if isinstance(fault, CredentialRetrievalError | SSOError | TokenRetrievalError):
        mend = "log in again (aws sso login), then run it again"
        return Lack(Kind.CREDENTIALS, f"AWS credentials cannot be got: {_told(fault)}", mend)
    if isinstance(fault, BotoCoreError):
        is_of_network = isinstance(fault, NetworkError | HTTPClientError)
        mend = "see that AWS can be reached from here, and that the region is one of AWS's"
        return Lack(Kind.CONNECTION, f"{'no connection: ' if is_of_network else ''}{_told(fault)}", mend)
    if isinstance(fault, ClientError) and (code := fault.response["Error"].get("Code", "")) in _NOBODY:
        mend = "log in again; where that helps nothing, see that the account has this region enabled"
        said = f"AWS refuses these credentials at {fault.operation_name} ({code})"
        return Lack(Kind.ACCEPTANCE, said, mend)
    return None


def _told(fault: BaseException) -> str:
    """Return what a fault says, as a part of a sentence."""
    return str(fault).removesuffix(".")
