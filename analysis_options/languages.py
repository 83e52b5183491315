"""Language tags (BCP 47, RFC 5646): syntax, and the primary languages of ISO 639 that are known here."""

import re

# ISO 639-1, and languages of ISO 639-2 and 639-3 without a code of two letters that editors ask for.
PRIMARY = frozenset(
    """
    aa ab ae af ak am an ar as av ay az ba be bg bi bm bn bo br bs ca ce ch co cr cs cu cv cy da de dv dz ee el en eo
    es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy hz ia id ie ig ii ik io is it iu ja jv ka
    kg ki kj kk kl km kn ko kr ks ku kv kw ky la lb lg li ln lo lt lu lv mg mh mi mk ml mn mr ms mt my na nb nd ne ng
    nl nn no nr nv ny oc oj om or os pa pi pl ps pt qu rm rn ro ru rw sa sc sd se sg si sk sl sm sn so sq sr ss st su
    sv sw ta te tg th ti tk tl tn to tr ts tt tw ty ug uk ur uz ve vi vo wa wo xh yi yo za zh zu
    ast bho ceb chr cmn ckb dsb fil gsw haw hmn hsb kab kok mai mni nds pap sah scn szl tet tok tpi yue
    """.split()  # noqa: SIM905 (a table)
)
AMERICAN, BRITISH, CANADIAN = "american", "british", "canadian"
# The regions of English that models of English alone can write, and how they spell.
ENGLISH = {
    "en": AMERICAN,
    "en-AU": BRITISH,
    "en-CA": CANADIAN,
    "en-GB": BRITISH,
    "en-HK": BRITISH,
    "en-IE": BRITISH,
    "en-IN": BRITISH,
    "en-KE": BRITISH,
    "en-MT": BRITISH,
    "en-NG": BRITISH,
    "en-NZ": BRITISH,
    "en-PH": AMERICAN,
    "en-SG": BRITISH,
    "en-US": AMERICAN,
    "en-ZA": BRITISH,
}
MAX_LENGTH = 35
# Language, script, region, variants; extensions and private use are not.
_TAG = re.compile(r"([a-z]{2,3})(?:-([a-z]{4}))?(?:-([a-z]{2}|\d{3}))?((?:-(?:[a-z\d]{5,8}|\d[a-z\d]{3}))*)", re.ASCII)


def language_canonical(text: str) -> str | None:
    """Return the tag in its canonical case ("zh-Hant-TW"); None for another syntax or an unknown language."""
    found = _TAG.fullmatch(text.lower()) if len(text) <= MAX_LENGTH else None
    if found is None or found[1] not in PRIMARY:
        return None
    script, region = (found[2] or "").title(), (found[3] or "").upper()
    return "-".join(part for part in (found[1], script, region) if part) + found[4]


def primary_of(tag: str) -> str:
    return tag.partition("-")[0].lower()
