"""What the schema fuzzer has to be told: how lines of JSON are sent."""

import schemathesis


@schemathesis.serializer("application/x-ndjson")
def ndjson(ctx, value):
    """A body of lines is text already."""
    if isinstance(value, bytes):
        return value
    return str(value).encode("utf-8", "surrogatepass")


# The search engine and index that the server under test has; what it makes up itself is mostly met with 404.
KNOWN = {"hashid": "d8fdeab7fce96a19d3fc7b0ca7a1e98b", "name": "product"}


@schemathesis.hook
def map_path_parameters(ctx, path_parameters):
    """Lets calls on engines and indices find one, but for those that would take it away from the others."""
    path, method = ctx.operation.path, ctx.operation.method.upper()
    takes_away = method == "DELETE" and path.endswith(("{hashid}", "{name}"))
    if not path_parameters or takes_away or "{hashid}" not in path:
        return path_parameters
    return {name: KNOWN.get(name, value) for name, value in path_parameters.items()}
