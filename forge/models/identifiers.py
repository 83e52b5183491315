import secrets
import string

_ALPHABET = string.ascii_letters + string.digits


def random_token(length: int = 22) -> str:
    """Return a random string of letters and digits; 22 of them are 131 random bits."""
    # One number is one call of the kernel; a choice of each character would be one for each.
    number, characters = secrets.randbelow(len(_ALPHABET) ** length), []
    for _ in range(length):
        number, digit = divmod(number, len(_ALPHABET))
        characters.append(_ALPHABET[digit])
    return "".join(characters)


# Public ids are unguessable: a leaked id does not reveal others.


def account_id() -> str:
    return f"acct_{random_token()}"


def session_id() -> str:
    return f"sess_{random_token()}"


def image_id() -> str:
    return f"img_{random_token()}"


def job_id() -> str:
    return f"job_{random_token()}"
