"""The calling side of the sandbox: what every simulated clinical system shares when it asks the gateway for a record.

Nothing here knows a product's wire form, and nothing here or in a product may import the gateway.

How to add a product
--------------------
1. Write ONE file, `vendor_stubs/<product>.py`, that ends in a `PRODUCT`:

       async def view(request: ViewRequest, calls: Calls) -> ViewResult: ...

       PRODUCT = Product(name="adastra", view=view, carries=frozenset({Part.ROLE, ...}), raw=raw)

2. Add one line to `PRODUCTS` in `vendor_stubs/calling/names.py` (name -> module; aliases stand in `ALIASES`).

`vendor-stub <product> view` and `raw` exist from then on, with every option of the contract. What happens around `view`:

- `options.ViewRequest` is built and validated; a wrong option ends in exit status 2 before anything is sent.
- `carries` says which optional parts the door has a place for, `permissions` which answers; a request that needs more
  ends in exit status 2 with a sentence that names the option. `refuses` may say more (a sentence, or None).
- `preparation.prepare` ends or feeds relationships as the site's patient administration system (`pas-<ods>`).
- `view` gets its proof of the user by `await preparation.id_token(calls, uid, role)` or `preparation.assertion(...)`,
  builds its message, and sends it with `await calls.send_to_door("POST", "/path", body=..., headers=...)`. That adds
  X-SCR-System and a correlation id, prints the bytes for --print-request, and returns an `Exchange`.
  Pages that are not the message itself (redirects, forms) go the same way: cookies are kept, redirects never followed.
- `view` returns `answers.record(...)` (a GP Summary element, or `answers.record_from(...)` for the door's own JSON shape) or
  `await answers.not_shown(calls, exchange, wire_code=..., outcome=..., fallback=...)`, which takes the stable code, the
  rules and the correlation id from the headers and asks the gateway what the code means. outcome None: as the code's kind says.
- SOAP products: `soap.SoapCaller` is zeep over aiohttp; `access_facts.block` builds the AccessFacts header.
- `raw(request: RawRequest, calls: Calls) -> RawResult` sends a file as it is; `raw.send_file` does all of it but the judging.

Time and ids come from `calls.now()` and `calls.new_id()`; tests pass their own.
"""
