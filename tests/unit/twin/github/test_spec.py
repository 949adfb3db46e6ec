"""The extracts of GitHub's schemas, and the script that makes them."""

import pytest

from local.twin.github import spec
from local.twin.github.spec import refresh


def test_a_merge_patch_turns_the_old_document_into_the_new_one() -> None:
    old = {"same": 1, "gone": {"a": 1}, "changed": {"keep": [1], "drop": 2}, "list": [1, 2]}
    new = {"same": 1, "changed": {"keep": [1], "new": {"deep": True}}, "list": [2], "added": {"b": 2}}
    assert spec.merged(old, refresh.merge_patch(old, new)) == new


def test_prose_goes_but_fields_that_are_called_description_stay() -> None:
    schema = {
        "description": "words",
        "properties": {"description": {"type": "string", "description": "words"}, "title": {"example": 1}},
    }
    assert refresh.without_prose(schema) == {"properties": {"description": {"type": "string"}, "title": {}}}


def test_references_are_followed_to_the_end_and_round_in_circles() -> None:
    document = {
        "components": {
            "schemas": {
                "a": {"$ref": "#/components/schemas/b"},
                "b": {"items": {"$ref": "#/components/schemas/a"}},
                "unused": {},
            }
        }
    }
    found = refresh.components(document, {"#/components/schemas/a"})
    assert set(found["schemas"]) == {"a", "b"}


@pytest.mark.parametrize("server", spec.SERVERS)
def test_every_reference_of_an_extract_leads_somewhere(server: str) -> None:
    document = spec.rest(server)
    references = refresh.references(document)
    assert references
    assert all(spec.resolved(document, {"$ref": reference}) is not None for reference in references)


def test_a_server_version_without_an_extract_is_refused_with_the_choices() -> None:
    with pytest.raises(ValueError, match=r"ghes-3\.16.*use one of ghec"):
        spec.rest("ghes-3.16")


def test_servers_lack_what_only_the_cloud_has() -> None:
    """[GH-RUNNER-DEPRECATIONS]"""
    path = "/enterprises/{enterprise}/actions/runners/deprecations/{version}"
    assert [path in spec.rest(server)["paths"] for server in spec.SERVERS] == [True, False, False, False]
