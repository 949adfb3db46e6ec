"""Short-lived tokens as encrypted parameters of Systems Manager."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from slipway.ports.secrets import ShortToken

if TYPE_CHECKING:
    from mypy_boto3_ssm import SSMClient

_log = logging.getLogger(__name__)


class ParameterStore:
    """Implements ``ports.secrets.TokenStore`` below one path, which only the functions that need it may read.

    Parameters, because a secret of Secrets Manager should not be written every hour [SSM-PARAMETERS]. What goes
    wrong here costs a call to GitHub, no more; no error is raised, for it could quote the token. AWS's code is logged,
    once a process: a permission that is missing costs such a call in every sandbox.
    """

    def __init__(self, client: SSMClient, path: str) -> None:
        self._client = client
        self._path = path
        self._has_told = False

    def find(self, name: str) -> ShortToken | None:
        """Return a token that was kept, if it can be read."""
        try:
            reply = self._client.get_parameter(Name=f"{self._path}/{name}", WithDecryption=True)
            body = json.loads(reply["Parameter"].get("Value", ""))
            return ShortToken(str(body["token"]), float(body["expires_at"]))
        except (BotoCoreError, ClientError, ValueError, KeyError, TypeError) as fault:
            self._tell(fault)
            return None

    def keep(self, name: str, token: ShortToken) -> None:
        """Keep a token, if that is possible."""
        text = json.dumps({"token": token.value, "expires_at": token.expires_at})
        try:
            self._client.put_parameter(
                Name=f"{self._path}/{name}", Value=text, Type="SecureString", Overwrite=True
            )
        except (BotoCoreError, ClientError) as fault:
            self._tell(fault)

    def _tell(self, fault: Exception) -> None:
        code = type(fault).__name__
        if isinstance(fault, ClientError):
            code = fault.response.get("Error", {}).get("Code", code)
        if code != "ParameterNotFound" and not self._has_told:
            self._has_told = True
            _log.warning("installation tokens below %s are not shared: %s", self._path, code)
