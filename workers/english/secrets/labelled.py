"""Values behind labels such as "password:", in several languages and with misread letters."""

import re

from workers.english.secrets.tokens import is_password_like

# Length is kept, so that offsets hold for the original text.
_FOLD = str.maketrans("05$@1l|", "ossaiii")


def _alternatives(*labels: str) -> str:
    longest_first = sorted(labels, key=len, reverse=True)
    return "|".join(re.escape(label.translate(_FOLD)).replace(r"\ ", r"[ _-]?") for label in longest_first)


# "key" and "number" alone are no labels: "key facts".
_STRONG = _alternatives(
    "password", "passwort", "passwd", "passcode", "passphrase", "pass phrase", "pass code", "pwd", "kennwort",
    "mot de passe", "contraseña", "contrasena", "clave", "senha", "parola d'ordine", "wachtwoord", "lösenord", "hasło",
    "heslo", "пароль", "şifre", "pin", "pin code", "puk", "cvv", "cvc", "cvv2", "otp", "tan", "api key", "apikey",
    "access key", "secret key", "private key", "encryption key", "license key", "licence key", "product key",
    "security key", "network key", "wifi key", "wi-fi key", "wpa key", "client secret", "app secret", "access token",
    "auth token", "bearer token", "security code", "verification code", "confirmation code", "recovery code",
    "recovery codes", "backup code", "backup codes", "2fa code", "login code", "seed phrase", "recovery phrase",
    "mnemonic", "mnemonic phrase", "secret phrase",
)  # fmt: skip
_WEAK = _alternatives("secret", "token", "pass", "pw", "wifi", "wi-fi", "bearer", "seed", "authorization")
_IDENTITY = _alternatives(
    "account no", "account number", "account", "acct", "acct no", "a/c no", "a/c", "konto", "kontonummer", "konto nr",
    "iban", "bic", "swift", "sort code", "routing number", "routing no", "routing", "bsb", "blz", "bankleitzahl",
    "ssn", "social security", "social security number", "social security no", "sin", "nino", "national insurance",
    "tax id", "tax no", "tax number", "tin", "ein", "vat", "vat no", "steuernummer", "steuer id", "steuer nr", "ust id",
    "passport", "passport no", "passport number", "reisepass", "ausweis", "ausweisnummer", "id no", "id number",
    "card no", "card number", "kartennummer", "licence no", "license no", "member no", "customer no", "nif", "siren",
    "siret", "dni", "cpf", "policy no", "patient id", "nhs no", "nhs number", "mrn",
)  # fmt: skip
_CJK = r"密码|密碼|口令|パスワード|暗証番号|비밀번호"
_START, _END = r"(?<![^\W_])", r"(?![^\W_])"
_SEPARATOR = r"\s*(?:[:=\uff1a→]|-(?=\s)|\b(?:is|ist|iautet|est|es|è)\b)\s*"
_STRONG_VALUE = re.compile(rf"(?:{_START}(?:{_STRONG}){_END}|{_CJK})['\")\]]?{_SEPARATOR}(?P<value>\S.*)")
_STRONG_NEXT = re.compile(rf"(?:{_START}(?:{_STRONG}){_END}|{_CJK})\s+(?P<value>\S+)")
_WEAK_VALUE = re.compile(rf"{_START}(?:{_WEAK}){_END}['\")\]]?{_SEPARATOR}(?P<value>\S.*)")
_IDENTITY_VALUE = re.compile(
    rf"{_START}(?:{_IDENTITY}){_END}[^\w\n]{{0,4}}(?:no|nr|number|#)?[^\w\n]{{0,4}}(?P<value>\S.*)"
)
_LABEL = re.compile(
    rf"(?:{_START}(?:{_STRONG}|{_IDENTITY}){_END}|{_CJK})['\")\]]?\s*[.:=\uff1a]?$|{_START}(?:{_WEAK}){_END}\s*[:=\uff1a]$"
)
_SEED = _alternatives("recovery phrase", "seed phrase", "secret phrase", "mnemonic", "recovery codes", "backup codes")
_SEED_LABEL = re.compile(rf"{_START}(?:{_SEED}){_END}")
_MAX_LABEL_WORDS = 5


def has_labelled_value(text: str) -> bool:
    """Return whether a label of a secret is followed by its value."""
    folded = text.lower().translate(_FOLD)
    if len(folded) != len(text):  # "İ" becomes two characters
        folded = text = text.lower().translate(_FOLD)
    values = {
        name: [text[match.start("value") :] for match in pattern.finditer(folded)]
        for name, pattern in (
            ("strong", _STRONG_VALUE), ("next", _STRONG_NEXT), ("weak", _WEAK_VALUE), ("identity", _IDENTITY_VALUE),
        )
    }  # fmt: skip
    return (
        bool(values["strong"])
        or any(is_password_like(value.split()[0]) for value in values["next"])
        or any(_is_one_word(value) or is_password_like(value.split()[0]) for value in values["weak"])
        or any(re.match(r"[A-Z]{0,4}[ -]?\d(?:[ ./-]?[\dA-Z]){3,}", value) for value in values["identity"])
    )


def is_label(text: str) -> bool:
    """Return whether a line is the label of a value in a neighboring line: "WiFi password:"."""
    return len(text.split()) <= _MAX_LABEL_WORDS and bool(_LABEL.search(text.strip().lower().translate(_FOLD)))


def ends_with_separator(text: str) -> bool:
    return text.rstrip().endswith((":", "=", "\uff1a"))


def starts_word_list(text: str) -> bool:
    """Return whether a line announces recovery codes or the words of a wallet seed."""
    return bool(_SEED_LABEL.search(text.lower().translate(_FOLD)))


def _is_one_word(value: str) -> bool:
    return len(value.split()) == 1
