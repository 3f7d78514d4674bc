"""The page for engineers without a browser: what production shows, and that every value is shown as text."""

from aiohttp.test_utils import make_mocked_request

from gateway.pages.docs import COMMANDS, DocsPages, operations
from gateway.pages.layout import Layout
from gateway.pages.static_files import StaticFiles

HTML = {"Accept": "text/html"}


def pages(*, sandbox: bool) -> DocsPages:
    layout = Layout(static=StaticFiles.load(), sandbox=sandbox, identity_origin="https://identity.example")
    return DocsPages(layout, "https://gateway.example/")


async def test_only_a_sandbox_shows_commands_and_how_to_name_a_system() -> None:
    request = make_mocked_request("GET", "/docs", HTML)
    ours, theirs = [(await pages(sandbox=one).show(request)).text or "" for one in (True, False)]
    assert all(title.replace("'", "&#39;") in ours for title, _ in COMMANDS)
    assert "G=https://gateway.example I=https://identity.example" in ours
    for word in ("/sandbox/token", "TOKEN=$(", "vendor-stub symphony", "names itself in"):
        assert word in ours
        assert word not in theirs
    assert "https://gateway.example/fhir/R4" in theirs


def test_references_of_a_description_are_followed_and_a_body_is_shown_whole() -> None:
    document = {
        "paths": {
            "/a": {
                "post": {
                    "summary": "Sends",
                    "security": [{"t": []}],
                    "parameters": [
                        {"$ref": "#/components/parameters/H"},
                        {"name": "q", "in": "query", "schema": {"enum": [1, 2]}},
                    ],
                    "requestBody": {"content": {"application/json": {"example": {"x": "<b>"}}}},
                    "responses": {"200": {"description": "Done"}, "404": {"$ref": "#/components/responses/N"}},
                }
            }
        },
        "components": {
            "parameters": {"H": {"name": "h", "in": "header", "schema": {}, "example": "v"}},
            "responses": {"N": {"description": "Nothing"}},
        },
    }
    [found] = operations(document)
    assert (found["method"], found["path"], found["media"]) == ("POST", "/a", "application/json")
    assert found["headers"]["h"]["example"] == "v"
    assert [(each["name"], each["example"]) for each in found["parameters"]] == [("q", "1 or 2")]
    assert found["answers"] == {"200": "Done", "404": "Nothing"}
    assert found["body"] == '{\n  "x": "<b>"\n}'
