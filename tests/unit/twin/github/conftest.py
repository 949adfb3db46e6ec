import pytest

from tests.support.github_enterprise import Acme


@pytest.fixture
def acme() -> Acme:
    return Acme()
