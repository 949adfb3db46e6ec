"""The description of a deployment: what it says of secrets, alarms and the dashboard."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from local.infrastructure import host_scripts
from local.infrastructure.description import describe
from local.infrastructure.places import Places
from slipway.domain.configuration import Configuration, Registration, WebhookSecret
from tests.builders import a_configuration, a_github

ROOT = Path(__file__).parents[3]
WEBHOOK, APP, TOKEN = "slipway/webhook", "slipway/app", "slipway/runner-token"
BROUGHT = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:their/app-AbCdEf"


def configured(registration: Registration, **more: Any) -> Configuration:
    github = a_github(
        registration=registration,
        webhook_secrets=(WebhookSecret(WEBHOOK),),
        app_secret=APP,
        runner_token_secrets=(TOKEN,),
    )
    return a_configuration(github=replace(github, **more))


def described(configuration: Configuration) -> dict[str, Any]:
    made = describe(configuration, Places(), host_scripts.read(), "0" * 64)
    read: dict[str, Any] = json.loads(json.dumps(made))
    return read


def test_only_registrar_and_reaper_read_pat() -> None:
    readers = described(configured(Registration.ENTERPRISE))["secrets"]
    assert readers[TOKEN] == {"readers": ["reaper", "registrar"]}
    assert readers[WEBHOOK] == {"readers": ["webhook"]}
    # At enterprise level the App repairs and asks after jobs; runners are registered without it.
    assert readers[APP] == {"readers": ["reaper", "redelivery"]}


@pytest.mark.parametrize("registration", [Registration.ORGANIZATION, Registration.REPOSITORY])
def test_the_app_s_key_is_never_the_webhook_s_or_the_scaler_s_and_no_secret_is_made_for_nobody(
    registration: Registration,
) -> None:
    assert described(configured(registration))["secrets"] == {
        APP: {"readers": ["reaper", "redelivery", "registrar"]},
        WEBHOOK: {"readers": ["webhook"]},
    }


def test_a_secret_that_is_brought_is_not_made() -> None:
    made = described(configured(Registration.ORGANIZATION, app_secret=BROUGHT))
    assert set(made["secrets"]) == {WEBHOOK}
    (read,) = [
        statement
        for statement in made["functions"]["registrar"]["policy"]["Statement"]
        if statement["Sid"] == "ReadAppKey"
    ]
    assert read["Resource"] == [BROUGHT]


def test_the_dashboard_names_account_and_region_by_placeholders_and_nothing_else() -> None:
    made = json.dumps(described(configured(Registration.ENTERPRISE))["dashboard"])
    assert set(re.findall(r"\$\{\w+\}", made)) == {"${account_id}", "${claim_region}"}


def test_alarms_are_there_by_default_and_their_placeholders_are_those_of_the_page() -> None:
    made = described(configured(Registration.ENTERPRISE))["alarms"]
    assert made["webhook-5xx"]["dimensions"] == {"ApiId": "${webhook_api_id}"}
    others = {name: alarm for name, alarm in made.items() if name != "webhook-5xx"}
    assert "${" not in json.dumps(others)


def test_a_pool_s_description_has_nothing_that_no_tree_reads() -> None:
    pools = described(configured(Registration.ENTERPRISE))["pools"].values()
    folders = (ROOT / "infra" / "terraform", ROOT / "local" / "infrastructure" / "cloudformation")
    for folder, pattern in zip(folders, ("*.tf", "*.py"), strict=True):
        text = "".join(path.read_text("utf-8") for path in sorted(folder.glob(pattern)))
        unread = {
            field
            for pool in pools
            for field in pool
            if not re.search(rf'\.value\.{field}\b|pool\["{field}"\]', text)
        }
        assert unread == set(), folder.name
