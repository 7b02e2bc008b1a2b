"""What no schema can say of a request: schemathesis leaves these out."""

import schemathesis


def has_nul(value):
    """Whether a text anywhere in a JSON value holds a NUL, which no database keeps."""
    if isinstance(value, str):
        return "\0" in value
    if isinstance(value, dict):
        return any(has_nul(name) or has_nul(member) for name, member in value.items())
    if isinstance(value, list):
        return any(has_nul(item) for item in value)
    return False


# Of these members a request has one and not both, and null counts as none. The second of the first two
# depends on the time.
EITHER = {
    "/holds": ("expires_in_seconds", "expires_at"),
    "/holds/{id}/extend": ("expires_in_seconds", "expires_at"),
    "/products/{id}/stock/adjustments": ("delta", "counted"),
}


def has_one(path, body):
    names = EITHER.get(path)
    if names is None or not isinstance(body, dict):
        return True
    given = [name for name in names if body.get(name) is not None]
    return len(given) == 1 and given != ["expires_at"] and body.get("delta") != 0


@schemathesis.hook
def filter_body(context, body):
    return not has_nul(body) and has_one(context.operation.path, body)


@schemathesis.hook
def filter_query(context, query):
    query = query or {}
    # What is no text or number is sent as nothing, which counts as no parameter.
    if not all(isinstance(value, (str, int, float)) and value != "" for value in query.values()):
        return False
    # A cursor comes from a link alone, and a range has an order.
    return not {"after", "before"} & set(query) and not {"minPrice", "maxPrice"} <= set(query)


@schemathesis.hook
def filter_headers(context, headers):
    # Anything may stand there: what is no name is replaced by one.
    return "X-Request-Id" not in (headers or {})


@schemathesis.hook
def filter_case(context, case):
    if not has_one(case.operation.path, case.body):
        return False
    query = case.query or {}
    if query.get("after") or query.get("before"):
        return False
    # Where no text is found for the pattern of a tag, an empty one would be sent.
    return "" not in [(case.headers or {}).get(name) for name in ("If-Match", "If-None-Match")]
