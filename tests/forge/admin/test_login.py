"""Log-ins to the admin: limited by user name and by address, logged, and with passwords that are validated."""

import logging
from collections.abc import Iterator

import pytest
from django.contrib.auth.models import User
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.test import Client

from forge.limits import logins

PASSWORD = "correct horse battery staple"
LOGIN = "/admin/login/"

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def root() -> User:
    return User.objects.create_superuser("root", password=PASSWORD)


@pytest.fixture
def memory() -> Iterator[None]:
    logins._memory.reset()
    yield
    logins._memory.reset()


def login(password: str, *, user: str = "root", address: str = "10.0.0.1") -> int:
    return Client().post(LOGIN, {"username": user, "password": password}, REMOTE_ADDR=address).status_code


def test_a_right_password_logs_in_after_a_few_wrong_ones() -> None:
    assert [login("wrong") for _ in range(4)] == [200] * 4
    assert login(PASSWORD) == 302
    assert [login("wrong") for _ in range(4)] == [200] * 4


def test_failed_log_ins_of_a_user_are_limited_from_all_addresses(caplog: pytest.LogCaptureFixture) -> None:
    for number in range(5):
        assert login("wrong", address=f"10.0.0.{number}") == 200

    with caplog.at_level(logging.WARNING):
        response = Client().post(LOGIN, {"username": "ROOT ", "password": PASSWORD}, REMOTE_ADDR="10.0.0.9")

    assert response.status_code == 429
    assert 0 < int(response["Retry-After"]) <= 900
    assert "Too many failed log-ins" in response.content.decode()
    assert "'ROOT' from 10.0.0.9 is refused" in caplog.text
    assert PASSWORD not in caplog.text


def test_failed_log_ins_from_an_address_are_limited_for_all_users() -> None:
    assert {login("wrong", user=f"user{number}") for number in range(20)} == {200}

    assert login(PASSWORD) == 429
    assert login(PASSWORD, address="10.0.0.2") == 302


def test_a_failed_log_in_is_logged_in_one_line(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        login("wrong", user="eve\nERROR forged")

    (record,) = [record for record in caplog.records if record.name == "forge.admin_site"]
    assert "\n" not in record.getMessage()
    assert "from 10.0.0.1 failed" in record.getMessage()


def test_log_ins_are_limited_without_redis(memory: None, without_redis: None) -> None:
    assert [login("wrong") for _ in range(6)] == [200] * 5 + [429]


@pytest.mark.parametrize("password", ["short", "password1234", "483920175628", "root-administrator"])
def test_a_weak_password_is_refused(root: User, password: str) -> None:
    root.email = "root-administrator@example.com"
    with pytest.raises(ValidationError):
        validate_password(password, root)

    validate_password(PASSWORD, root)
