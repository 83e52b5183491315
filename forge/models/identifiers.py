import secrets
import string

_ALPHABET = string.ascii_letters + string.digits


def random_token(length: int = 22) -> str:
    """Return a random string of letters and digits; 22 of them are 131 random bits."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


# Public ids are unguessable: a leaked id does not reveal others.


def account_id() -> str:
    return f"acct_{random_token()}"


def session_id() -> str:
    return f"sess_{random_token()}"


def image_id() -> str:
    return f"img_{random_token()}"


def job_id() -> str:
    return f"job_{random_token()}"
