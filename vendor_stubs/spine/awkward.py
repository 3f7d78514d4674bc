"""Text that goes wrong in careless hands: other scripts, emoji, right-to-left, combining marks, and XML's own signs.

Every string is legal XML 1.0; white space other than the four of XML is on purpose.
"""

from dataclasses import replace

from vendor_stubs.spine.content import Allergy, GroupContent, Item, Medication, SummaryContent

DRUGS = (
    'Ibuprofen <400mg> & codeine <8mg> tablets "D\'Arcy"',
    "Co-amoxiclav 250mg/125mg & 5ml < 10ml ]]> suspension",
    "Crème de zinc à 15 % – tube «Zürich»",
    "Paracétamol\u00a0500\u00a0mg comprimés",
    "Ελληνικό σιρόπι 5 µg/mL",
    "&amp;lt;b&amp;gt; tablets (already escaped once)",
    "薬 100\u202fmg 錠剤",
)
DOSES = (
    "Take ½ – ¾ ‘as needed’; <2/day & >1 h apart",
    "קח אחד פעמיים ביום, then 2 \u200fat night",
    "خذ حبة واحدة (1) يومياً",
    "Take 1 ☀️ and 1 🌙 with 🍎",
)
ALLERGIES = (
    ("Allergie à l'œuf – évitée 🥚", "Sûre", "Sévère", "Observée par Dr Ñúñez"),
    ("حساسية من البنسلين", "مؤكد", "شديد", "طفح جلدي"),
    (
        "Cafe\u0301-au-lait reaction, n\u0303 and a\u0308 as combining marks",
        "",
        "Mild",
        "e\u0301 is not é byte for byte",
    ),
    ("Family of emoji 👩‍⚕️👨‍👩‍👧‍👦 reaction", "Likely", "", "zero\u200bwidth and soft\u00adhyphen kept"),
)
ITEMS = (
    ("Łódź – «próba» & <znak>", "3 < 4 & 5 > 2", "quote \" and apostrophe '"),
    ("Tiếng Việt: dị ứng thời tiết", "≥ 37,5 °C", "𝒮urrogate pairs: 𠜎 𠜱"),
)


def made_awkward(ordinary: SummaryContent) -> SummaryContent:
    """The same summary with awkward words in every place a word can stand, and one group of Additional Information."""
    medications: list[Medication] = [
        replace(entry, name=DRUGS[place % len(DRUGS)], dose=DOSES[place % len(DOSES)])
        for place, entry in enumerate(ordinary.medications)
    ]
    day = ordinary.created.date()
    allergies = tuple(
        Allergy(term=term, certainty=certainty, severity=severity, supporting=supporting, on=day)
        for term, certainty, severity, supporting in ALLERGIES
    )
    items = tuple(Item(term=term, value=value, supporting=supporting, on=day) for term, value, supporting in ITEMS)
    author = replace(ordinary.author, given="Żaneta", family="O’Brien-Håkansson", practice="Ysgol Tŷ Mawr & Søns")
    return replace(
        ordinary,
        author=author,
        allergies=allergies,
        medications=tuple(medications),
        groups=(GroupContent(key="Problems", items=items),),
    )
