"""What the schema fuzzer has to be told: how lines of JSON are sent."""

import schemathesis


@schemathesis.serializer("application/x-ndjson")
def ndjson(ctx, value):
    """A body of lines is text already."""
    if isinstance(value, bytes):
        return value
    return str(value).encode("utf-8", "surrogatepass")
