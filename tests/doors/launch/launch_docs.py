"""Writes docs/doors/{rio,lorenzo,sonar,pharmoutcomes}.md from the code's own tables: `python -m tests.doors.launch.launch_docs`."""

import json
from pathlib import Path

from gateway.domain.codes import Code
from vendor_stubs import cast, launching
from vendor_stubs.launch_faults import OK, faults_of

FOLDER = Path(__file__).resolve().parents[3] / "docs" / "doors"
USERS = {
    "rio": "910000000158",
    "lorenzo": "910000000018",
    "sonar": "910000000166",
    "pharmoutcomes": "910000000273",
}
TITLES = {
    "rio": "RiO: one click by a back channel and a code",
    "lorenzo": "Lorenzo: one click by SMART App Launch",
    "sonar": "Sonar: one click by a posted form",
    "pharmoutcomes": "PharmOutcomes: one click by an encrypted link",
}
ISSUED = 1_772_355_600


def claims(product: str) -> dict[str, object]:
    """The claims of the page's example."""
    system = cast.default_system(product)
    user = cast.user(USERS[product])
    assert user is not None
    return {
        "iss": system.id,
        "aud": f"http://127.0.0.1:8080/launch/{product}",
        "sub": user.uid,
        "role": next(role.roleid for role in user.roles if role.ods == system.organisation),
        "org": system.organisation,
        "nhs_number": "9992000481",
        "iat": ISSUED,
        "exp": ISSUED + launching.LIFE,
        "jti": "2f0c7a3e-6d1b-4c55-9a58-0d6f3b1e9c47",
    }


PROFILE = """\
A simulated profile of this project: {name}'s real interface is not public, and nothing here is its supplier's.
"""

TRY = """\
## Try it

    make run
    vendor-stub {product} view --nhs-number 9992000481 --as {user} --permission yes --relationship referral

The stub walks the same HTTP steps as the host and its user's browser: cookies, forms, sign-in with smartcard and PIN. On the
vendor desk (http://127.0.0.1:8083/desk/{product}) the same is done by hand, and the launch lab (/lab) sends launches that are wrong in one way each.
`--setting` has no place here (exit status 2): the session works in the host's own setting.

{raw}"""

RAW = {
    "rio": """\
`vendor-stub rio raw FILE` posts a token as it is and prints the answer; `--fresh` gives it new times and a new id and signs it anew.
""",
    "sonar": """\
`vendor-stub sonar raw FILE` posts a form as it is and prints the answer; `--fresh` renews its `launch_token`.
""",
    "pharmoutcomes": """\
`vendor-stub pharmoutcomes raw FILE` opens a link as it is, as a browser would, and prints the answer. A link is encrypted and cannot be
renewed: with `--fresh` the file holds the signed token, which is renewed, encrypted and opened.
""",
    "lorenzo": """\
`vendor-stub lorenzo launch` prints a launch address, and `vendor-stub lorenzo raw FILE` opens one as it is and prints the answer.
""",
}

WAYS = {
    "rio": """\
## The wire

1. The host's back channel posts a signed launch, as itself (mutual TLS; on the sandbox's plain listener `X-SCR-System`):

       curl -s http://127.0.0.1:8080/launch/rio -H 'X-SCR-System: rio-rzz02' -H 'Content-Type: application/jwt' \\
         -d "$(vendor-stub rio launch --nhs-number 9992000481 --as 910000000158)"

   `201` and `{"code": "…43 characters…", "expires_in": 60}`; anything else is a problem document (RFC 9457).
2. The user's browser opens `/launch?code=…` within those 60 seconds. The page has one button, "Open record". Looking at it
   spends nothing: not HEAD, not a prefetch, not a scanner of links, not a reload.
3. The button posts the code. Of all that bring it one wins; the others are told `launch-spent`.
""",
    "sonar": """\
## The wire

The host's page posts a form with exactly one field, `launch_token`, from the user's browser to `/launch/sonar`
(`application/x-www-form-urlencoded`, at most 8 KiB), usually by a line of script, with a button beside it:

    curl -si http://127.0.0.1:8080/launch/sonar \\
      -d launch_token="$(vendor-stub sonar launch --nhs-number 9992000481 --as 910000000166)"

`303` to `/launch/sign-in`, with a fresh cookie that binds the launch to this browser. Anything beside the token, a patient's
number above all, is refused (`message-combination`): only what is signed counts.
""",
    "pharmoutcomes": """\
## The wire

The host signs a launch, encrypts it to this gateway's key (GET /launch/jwks; JWE, `alg` ECDH-ES, `enc` A256GCM, `cty`
scr-launch+jwt, `kid` as published) and shows it as a link, `/launch/pharmoutcomes?t=…`:

    vendor-stub pharmoutcomes launch --nhs-number 9992000481 --as 910000000273

A browser that opens the link (it says `Sec-Fetch-Mode: navigate`) spends it at once and is answered `303` to `/launch/sign-in`, with a
fresh cookie that binds the launch to it. HEAD and prefetches are answered `503` and spend nothing; whatever else asks, such as a
scanner of links or a very old browser, is shown a button. The token is the only thing about a patient that ever stands in an
address here, and only this gateway can read it. No query string is logged.
""",
    "lorenzo": """\
## The wire

SMART App Launch 2.x, EHR launch. The host opens `/launch/lorenzo?iss=…&launch=…` in the user's browser.

A browser that opens the link (it says `Sec-Fetch-Mode: navigate`) goes on at once. HEAD and prefetches are answered `503`, and whatever
else asks, such as a scanner of links, is shown a button: none of them reaches the host, who would count its handle as used.

1. `iss` must be, character by character, an issuer of the registry: nothing is asked of any other address.
2. The gateway reads `{iss}/.well-known/smart-configuration`; both endpoints must lie at the issuer's own origin, and PKCE with S256 be offered.
3. The browser goes to the host's authorisation endpoint: client `scr-gateway`, scope `launch openid fhirUser`, `launch`, `aud` = iss,
   `state`, `nonce`, PKCE S256, redirect to `/launch/lorenzo/callback`.
4. The code is changed for the context, in the browser it was asked for only, once. `patient` in the token response is the NHS number;
   `id_token` is signed with a key of the registry: `iss`, `aud` scr-gateway, `sub` the user, `fhirUser` = `{iss}/Practitioner/{sub}`,
   `nonce`, at most five minutes of life, and `selected_roleid`. It may say `purpose` and `patient_birthdate`.
5. `303` to `/launch/sign-in`.
""",
}

TOKEN = """\
## The launch token

A compact JWT, `typ` `scr-launch+jwt`, `alg` ES256 or RS256, `kid` of a key in the registry. At most 4 KiB, no other header.

```json
{claims}
```

`aud` is this launch address under the gateway's public URL; `exp` at most 60 s after `iat` (5 s of skew); `jti` of 16 to 128 characters,
spent with the audit entry. Optional: `nbf`, `purpose`, and `birthdate` (YYYY-MM-DD), which must then be the patient's. Any other claim is refused.
`role` may be missing only where the user holds exactly one.
"""

AFTER = """\
## What happens then

The user signs in at the identity service; who signs in, and in which role, must be whom the launch names. Somebody else's standing sign-in
does not count: they are asked to sign in themselves. Then the patient's banner is shown to be confirmed, then the relationship, then
permission, in the organisation's own words, then the record: the same pages and the same decision as in the standalone viewer (docs/doors/scra.md).
{pharmacy}Nothing is asked of Spine before that user is proved and could open a record at all. A next launch by the same user and role in the
same browser closes the patient before at once: pages about the one before do nothing any more (409). Every address after the first is clean:
what a sign-in comes back with, its code and state, is left at once, and a refusal of it is shown at `/launch/refused`.
"""

PHARMACY = """\
In a community pharmacy the relationship is confirmed each time, and every view raises its alert.
"""

REGISTER = """\
## Registering

Beside its `[[system]]` table (kind `one_click`) the registry has the public keys that sign its launches:

```toml
[launch.{system}]
jwks = {{ keys = [{{ kty = "EC", crv = "P-256", kid = "…", x = "…", y = "…" }}] }}
{issuer}```

The sandbox's keys are derived from the systems' names and are no secret: their ids begin with `stub-`, and production refuses to start with
any of them.{key}
"""


def page(product: str) -> str:
    """One page, whole."""
    name = TITLES[product].partition(":")[0]
    system = cast.default_system(product)
    issuer = 'smart_issuer = "https://host.example/fhir"\n' if product == "lorenzo" else ""
    key = (
        " Encrypted launches need `identity.launch_key`, a PEM file with a P-256 key."
        if product == "pharmoutcomes"
        else ""
    )
    pharmacy = PHARMACY if system.setting == "community_pharmacy" else ""
    parts = [
        f"# {TITLES[product]}\n",
        PROFILE.format(name=name),
        TRY.format(product=product, user=USERS[product], raw=RAW[product]),
        WAYS[product],
        "" if product == "lorenzo" else TOKEN.format(claims=json.dumps(claims(product), indent=2)),
        AFTER.format(pharmacy=pharmacy),
        REGISTER.format(system=system.id, issuer=issuer, key=key),
        faults(product),
        codes(product),
    ]
    return "\n".join(part for part in parts if part)


def faults(product: str) -> str:
    """What can be wrong with a launch of this host."""
    rows = [f"| {one.title} | `{one.expected}` |" for one in faults_of(product) if one.expected != OK]
    return "\n".join(["## What can be wrong with a launch", "", "| what is wrong | ends in |", "|---|---|", *rows, ""])


def codes(product: str) -> str:
    """Every code and how it is answered."""
    form = "The back channel answers with a problem document; pages" if product == "rio" else "Pages"
    rows = [f"| `{code.slug}` | {code.entry.http} | {code.kind.value} | {code.sentence} |" for code in Code]
    return "\n".join(
        [
            "## Codes",
            "",
            f"{form} say the sentence and what to do next; header `X-SCR-Code` has the code, `X-SCR-Rules` the rules.",
            "",
            "| code | HTTP | kind | sentence |",
            "|---|---|---|---|",
            *rows,
            "",
        ]
    )


if __name__ == "__main__":
    for each in TITLES:
        (FOLDER / f"{each}.md").write_text(page(each), encoding="utf-8")
