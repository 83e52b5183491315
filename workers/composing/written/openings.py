"""Openings about the image itself, such as "une photo de", in the languages that have no rules of their own."""

import re

_ROMANCE_AND_DUTCH = re.compile(
    r"(?i)^(?:(?:une? |l['\u2019])?(?:image|photo)(?: montrant | de (?!la |l['\u2019])| d['\u2019])"
    r"|(?:una? |la )?(?:imagen|foto|fotograf\u00eda) de |(?:una? |la )?(?:imagen|foto) que muestra "
    r"|(?:un['\u2019]|una )?(?:immagine|foto) (?:di|che mostra) |(?:uma? )?(?:imagem|foto) de "
    r"|(?:een |de )?(?:afbeelding|foto) van )\s*"
)
# German has cases: "Foto von einem Hund" is about "ein Hund", "von einer kleinen Katze" about "eine kleine Katze".
_GERMAN = re.compile(
    r"^(?:(?:[Ee]in|[Dd]as) )?(?:Bild|Foto) (?:von|mit) (?:(einer)((?: [a-z\u00df-\u00ff]+en)*)|(einem)) (?=[A-Z])"
)
# A word in "n" may be a dative: "Foto von Bergen" is about "Berge".
_WITHOUT_CASE = re.compile(
    r"^(?:(?:[Ee]in|[Dd]as) )?(?:Bild|Foto) (?:von|mit) (?=[A-Z\u00c4\u00d6\u00dc][\w-]*[^\Wn](?!\w))"
)


def strip_foreign_openings(text: str) -> str:
    """Return the text without "une photo de" or "ein Foto von"; as it is where the rest would be no sentence."""
    german = _GERMAN.match(text)
    if german is None:
        return _WITHOUT_CASE.sub("", _ROMANCE_AND_DUTCH.sub("", text))
    article = "Ein" if german[3] else "Eine"
    adjectives = (german[2] or "").replace("en ", "e ").removesuffix("n")
    return f"{article}{adjectives} {text[german.end() :]}"
