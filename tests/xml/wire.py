"""Good mini-service requests as a client sends them, for tests to read or to break. One value a line, so that places
can be named.
"""

from datetime import UTC, datetime
from pathlib import Path

from gateway.xml.operations import BY_NAME, Family

MESSAGES = Path(__file__).parents[1] / "schemas" / "messages"
NOW = datetime(2030, 1, 5, 12, 0, tzinfo=UTC)

_ENVELOPE = """<?xml version="1.0" encoding="UTF-8"?>
<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"
    xmlns:wsa="http://www.w3.org/2005/08/addressing"
    xmlns:itk="urn:nhs-itk:ns:201005">
  <soap:Header>
    <wsa:MessageID>C1000001-1B2C-4D3E-8F40-5A6B7C8D9E0F</wsa:MessageID>
    <wsa:Action>{service}</wsa:Action>
    <wsa:To>https://gateway.example/itk</wsa:To>
    <wsa:From>
      <wsa:Address>https://client.example/</wsa:Address>
    </wsa:From>
    <wsa:ReplyTo>
      <wsa:Address>http://www.w3.org/2005/08/addressing/anonymous</wsa:Address>
    </wsa:ReplyTo>
    <wsse:Security xmlns:wsse="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd">
      <wsu:Timestamp xmlns:wsu="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
      wsu:Id="C1000002-1B2C-4D3E-8F40-5A6B7C8D9E0F">
        <wsu:Created>2030-01-05T11:59:30Z</wsu:Created>
        <wsu:Expires>2030-01-05T12:04:30Z</wsu:Expires>
      </wsu:Timestamp>
      <wsse:UsernameToken>
        <wsse:Username>ward-system</wsse:Username>
      </wsse:UsernameToken>
    </wsse:Security>
  </soap:Header>
  <soap:Body>
    <itk:DistributionEnvelope>
      <itk:header service="{service}" trackingid="C1000003-1B2C-4D3E-8F40-5A6B7C8D9E0F">
        <itk:addresslist>
          <itk:address uri="urn:nhs-uk:addressing:ods:Z1A"/>
        </itk:addresslist>
        <itk:auditIdentity>
          <itk:id type="1.2.826.0.1285.0.2.0.65" uri="100000000001"/>
          <itk:id type="1.2.826.0.1285.0.2.0.67" uri="200000000001"/>
        </itk:auditIdentity>
        <itk:manifest count="1">
          <itk:manifestitem id="uuid_C1000004-1B2C-4D3E-8F40-5A6B7C8D9E0F" mimetype="text/xml" profileid="{profile}"
          base64="false" compressed="false" encrypted="false"/>
        </itk:manifest>
        <itk:senderAddress uri="urn:nhs-uk:addressing:ods:Z1B"/>
{handling}      </itk:header>
      <itk:payloads count="1">
        <itk:payload id="uuid_C1000004-1B2C-4D3E-8F40-5A6B7C8D9E0F">
{payload}
        </itk:payload>
      </itk:payloads>
    </itk:DistributionEnvelope>
  </soap:Body>
</soap:Envelope>
"""
_HANDLING = """        <itk:handlingSpecification>
          <itk:spec key="urn:nhs-itk:ns:201005:interaction" value="{interaction}"/>
        </itk:handlingSpecification>
"""


def good(name: str, case: str = "") -> bytes:
    """A valid request of the operation called `name`; `case` picks one of the payload files, such as `emergency`."""
    operation = BY_NAME[name]
    file = operation.request_root + (f"-{case}" if case else "")
    payload = (MESSAGES / f"{file}.xml").read_text(encoding="utf-8").rstrip()
    handling = _HANDLING.format(interaction=operation.request_interaction) if operation.family is Family.SCR else ""
    return _ENVELOPE.format(
        service=operation.service, profile=operation.request_profile, handling=handling, payload=payload
    ).encode()


def changed(message: bytes, old: str, new: str, *, count: int = 1) -> bytes:
    """The message with `old` replaced by `new`; `old` must be there."""
    assert old.encode() in message, old
    return message.replace(old.encode(), new.encode(), count)
