"""What engines call languages, and the BCP-47 codes that callkit uses."""

import re

__all__ = ["code_of", "whisper_code"]

_NAMES = """
afrikaans af, albanian sq, amharic am, arabic ar, armenian hy, assamese as, azerbaijani az, bashkir ba, basque eu,
belarusian be, bengali bn, bosnian bs, breton br, bulgarian bg, burmese my, cantonese yue, castilian es, catalan ca,
chinese zh, croatian hr, czech cs, danish da, dutch nl, english en, estonian et, faroese fo, finnish fi, flemish nl,
french fr, galician gl, georgian ka, german de, greek el, gujarati gu, haitian ht, haitian creole ht, hausa ha,
hawaiian haw, hebrew he, hindi hi, hungarian hu, icelandic is, indonesian id, italian it, japanese ja, javanese jv,
kannada kn, kazakh kk, khmer km, korean ko, lao lo, latin la, latvian lv, letzeburgesch lb, lingala ln, lithuanian lt,
luxembourgish lb, macedonian mk, malagasy mg, malay ms, malayalam ml, maltese mt, mandarin zh, maori mi, marathi mr,
moldavian ro, moldovan ro, mongolian mn, myanmar my, nepali ne, norwegian no, nynorsk nn, occitan oc, panjabi pa,
pashto ps, persian fa, polish pl, portuguese pt, punjabi pa, pushto ps, romanian ro, russian ru, sanskrit sa,
serbian sr, shona sn, sindhi sd, sinhala si, sinhalese si, slovak sk, slovenian sl, somali so, spanish es,
sundanese su, swahili sw, swedish sv, tagalog tl, tajik tg, tamil ta, tatar tt, telugu te, thai th, tibetan bo,
turkish tr, turkmen tk, ukrainian uk, urdu ur, uzbek uz, valencian ca, vietnamese vi, welsh cy, yiddish yi, yoruba yo
"""
_CODES = {name: code for name, _, code in (entry.strip().rpartition(" ") for entry in _NAMES.split(","))}
_TAG = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*")
_OWN_OF_WHISPER = {"jv": "jw", "iw": "he", "in": "id", "nb": "no", "cmn": "zh", "fil": "tl"}


def code_of(told: object) -> str | None:
    """The code of a language that an engine names in English or by a code; None if it can't be told.

    >>> code_of("english"), code_of("en-US"), code_of("jw"), code_of("?")
    ('en', 'en-US', 'jv', None)
    """
    if not isinstance(told, str):
        return None
    name = told.strip().lower()
    if name == "jw":  # Whisper's own word for it
        return "jv"
    return _CODES.get(name) or (told.strip() if _TAG.fullmatch(told.strip()) else None)


def whisper_code(language: str) -> str:
    """What Whisper calls the language of a BCP-47 code: regions and scripts are nothing to it.

    >>> whisper_code("en-GB"), whisper_code("nb"), whisper_code("jv")
    ('en', 'no', 'jw')
    """
    code = language.partition("-")[0].lower()
    return _OWN_OF_WHISPER.get(code, code)
