"""The RFC 9457 problem document: the one form of errors at every door that speaks JSON."""

import orjson

from gateway.domain.errors import GatewayError, MessageInvalid
from gateway.service.doors import WireRequest, WireResponse

MEDIA_TYPE = "application/problem+json"


def problem(wire: WireRequest, error: GatewayError) -> WireResponse:
    """Any error as a problem document; findings of an invalid message stand under `findings`."""
    entry = error.code.entry
    document: dict[str, object] = {
        "type": f"/errors/{error.code.slug}",
        "title": entry.sentence,
        "status": entry.http,
        "code": error.code.slug,
        "rules": list(error.rules),
        "correlation_id": wire.correlation_id.value,
    }
    if error.next_step:
        document["next_step"] = error.next_step
    if isinstance(error, MessageInvalid) and error.findings:
        document["findings"] = [
            {"code": f.code, "path": f.path, "sentence": f.sentence, "expected": f.expected} for f in error.findings
        ]
    return WireResponse(status=entry.http, media_type=MEDIA_TYPE, body=orjson.dumps(document))
