"""Every call that pydoof has for what this server does, good and bad, with the client as it is installed.

What it has to know comes as one JSON object on standard input.
Prints `pydoof: N calls as expected`; a surprise ends it with a traceback.
"""

import hashlib
import json
import sys

import pydoof
from pydoof.base import APIConnectionError
from pydoof.management_api import exceptions as management
from pydoof.management_api import indices, items, search_engines, stats
from pydoof.management_api import internals
from pydoof.management_api.api_client import ManagementAPIClient
from pydoof.search_api import exceptions as search
from pydoof.search_api import search as searching
from pydoof.search_api import stats as events
from pydoof.search_api.api_client import SearchAPIClient

told = json.load(sys.stdin)
calls = 0

# What a user changes: the two addresses, and the key.
pydoof.management_url = told["url"]
pydoof.search_url = told["url"]
pydoof.token = told["key"]

PERIOD = (told["from"], told["to"])


def good(expected, answer):
    """An answer that must be exactly this."""
    global calls
    calls += 1
    assert answer == expected, f"call {calls}: {answer!r} instead of {expected!r}"
    return answer


def bad(error, status, call, *args, code=None, message=None, **opts):
    """A call that must raise exactly this class."""
    global calls
    calls += 1
    try:
        answer = call(*args, **opts)
    except (management.ManagementAPIError, search.SearchAPIError) as raised:
        assert type(raised) is error, f"call {calls}: {type(raised).__name__} instead of {error.__name__}: {raised}"
        assert raised.http_status == status, f"call {calls}: {raised}"
        assert code is None or raised.code == code, f"call {calls}: {raised}"
        assert message is None or raised.message == message, f"call {calls}: {raised}"
    else:
        raise AssertionError(f"call {calls}: {answer!r} instead of {error.__name__}")


def dfid(hashid, index, item_id):
    return f"{hashid}@{index}@{hashlib.md5(item_id.encode()).hexdigest()}"


def index_told(name):
    return {"name": name, "preset": "generic", "options": {}, "datasources": []}


def clicks_counted(**filters):
    return stats.clicks(*PERIOD, **filters)["total_count"]


# Search engines and indices.
before = len(search_engines.list())
shop = search_engines.create({"name": "Müller & Söhne", "language": "de", "currency": "EUR", "site_url": "https://e.com"})
hashid = shop["hashid"]
good({"hashid": hashid, "name": "Müller & Söhne", "status": "active", "indices": []}, shop)
good(shop, search_engines.get(hashid))
good(before + 1, len(search_engines.list()))
good("Renamed", search_engines.update(hashid, {"name": "Renamed"})["name"])
good(index_told("product"), indices.create(hashid, {"name": "product", "preset": "product"}))
good(index_told("faq"), indices.create(hashid, {"name": "faq", "preset": "generic", "options": {}, "datasources": []}))
good([index_told("product"), index_told("faq")], indices.list(hashid))
good(index_told("faq"), indices.get(hashid, "faq"))
good(index_told("faq"), indices.update(hashid, "faq", {"options": {}}))
good(None, indices.delete(hashid, "faq"))
bad(management.NotFoundError, 404, indices.get, hashid, "faq", code="not_found")
bad(management.NotFoundError, 404, indices.delete, hashid, "faq")
bad(management.ConflictError, 409, indices.create, hashid, {"name": "product", "preset": "product"}, code="conflict")
bad(management.BadParametersError, 400, indices.create, hashid, {"name": "No Good", "preset": "page"}, code="bad_params")
bad(management.BadParametersError, 400, search_engines.create, {"language": "de"}, message="name: is required")
bad(management.BadParametersError, 400, search_engines.get, "nonsense")
bad(management.NotFoundError, 404, search_engines.get, "9" * 32)
bad(management.AccessDeniedError, 403, search_engines.get, told["foreign_hashid"], code="access_denied")
bad(management.NotAuthenticatedError, 401, search_engines.list, token="nonsense", code="not_authenticated")
bad(management.AccessDeniedError, 403, search_engines.list, token=told["read_key"])

# What this server has no meaning for says so.
for call in (
    indices.create_temp,
    indices.delete_temp,
    indices.reindex_to_temp,
    indices.get_reindex_status,
    indices.replace_by_temp,
):
    bad(management.NotFoundError, 404, call, hashid, "product", code="not_found")
bad(management.NotFoundError, 404, search_engines.schedule_process, hashid)
bad(management.NotFoundError, 404, search_engines.get_process_status, hashid)
bad(management.NotFoundError, 404, items.create, hashid, "product", {"id": "1"}, temp=True)

# Items.
one = {"id": "a b/1+1", "title": "One", "link": "https://e.com/1"}
good(one, items.create(hashid, "product", {**one, "price": 15.99, "categories": ["a > b"]}))
good(one, items.get(hashid, "product", one["id"]))
good({**one, "title": "Uno"}, items.update(hashid, "product", one["id"], {"title": "Uno"}))
good(None, items.delete(hashid, "product", one["id"]))
bad(management.NotFoundError, 404, items.get, hashid, "product", one["id"], message="item not found")
bad(management.NotFoundError, 404, items.delete, hashid, "product", one["id"])
bad(management.NotFoundError, 404, items.update, hashid, "product", one["id"], {"title": "x"})
bad(management.BadParametersError, 400, items.create, hashid, "product", {"title": "x"}, message="id: is required")
bad(management.BadParametersError, 400, items.create, hashid, "product", {"id": "1", "link": "javascript:alert(1)"})
many = [{"id": f"sku{number}", "title": f"Item {number}"} for number in range(250)]
created = [{"result": "created", "id": item["id"]} for item in many]
good({"results": created, "errors": False}, items.bulk_create(hashid, "product", many))
good(
    {"results": [{"result": "updated", "id": "sku1"}, {"id": "nothing", "error": "item not found"}], "errors": True},
    items.bulk_update(hashid, "product", [{"id": "sku1", "title": "New"}, {"id": "nothing", "title": "x"}]),
)
good(
    [{"id": "sku1", "found": True, "item": {"id": "sku1", "title": "New"}}, {"id": "nothing", "found": False}],
    items.find(hashid, "product", [{"id": "sku1"}, {"id": "nothing"}]),
)
# `items.bulk_delete` of this release puts its list where parameters go, and sends nothing to anybody; the client itself can.
bulk = f"/api/v2/search_engines/{hashid}/indices/product/items/_bulk"
good(
    {"results": [{"result": "deleted", "id": "sku249"}], "errors": False},
    ManagementAPIClient().request("DELETE", bulk, json=[{"id": "sku249"}]),
)
for rpp in (None, 7, 100):
    scrolled = sorted(item["id"] for item in items.scroll(hashid, "product", rpp=rpp))
    good(sorted(f"sku{number}" for number in range(249)), scrolled)
bad(management.TooManyItemsError, 413, items.bulk_create, hashid, "product", [{"id": 7}] * 100_001, code="too_many_items")
large = [{"id": "large", "description": "x" * 8_388_608}]
bad(management.TooManyItemsError, 413, items.bulk_create, hashid, "product", large, code="payload_too_large")
bad(management.BadParametersError, 400, items.bulk_create, hashid, "product", [])
bad(management.AccessDeniedError, 403, items.create, told["foreign_hashid"], "product", {"id": "1"})
bad(management.AccessDeniedError, 403, items.create, hashid, "product", {"id": "1"}, token=told["read_key"])
good({"id": "w"}, items.create(hashid, "product", {"id": "w"}, token=f"eu1-{told['write_key']}"))

# Events, and what the statistics say of them.
registered = {"status": "registered"}
good(registered, events.click_stats(hashid, dfid(hashid, "product", "sku1"), "session", query="Red  Shoes"))
good(registered, events.click_stats(hashid, dfid(hashid, "product", "sku2"), "session", token=told["click_key"]))
good(registered, events.log_banner_image_click(hashid, 42, "session", query="red shoes"))
good(registered, events.init_session(hashid, "session"))
good(registered, events.log_redirect(hashid, "7", "session", query="delivery"))
good(3, clicks_counted(hashids=[hashid]))
good(3, clicks_counted(hashids=hashid, tz="Europe/Madrid", format_=stats.Formats.JSON))
good(0, clicks_counted(hashids=[hashid], device=stats.Devices.MOBILE))
csv = stats.clicks(*PERIOD, hashids=[hashid], format_=stats.Formats.CSV)
good(("date,timestamp,count", 3), (csv.splitlines()[0], sum(int(line.split(",")[2]) for line in csv.splitlines()[1:])))
bad(search.BadRequestError, 400, events.click_stats, hashid, "nonsense", "session", message="Bad request, dfid is invalid")
bad(search.BadRequestError, 400, events.click_stats, hashid, dfid("9" * 32, "product", "x"), "session")
bad(search.BadRequestError, 400, events.click_stats, hashid, dfid(hashid, "product", "sku1"), "x" * 33,
    message="session_id should have 32 characters or less")
bad(search.BadRequestError, 400, events.log_banner_image_click, hashid, "abc", "session", message="Invalid redirect id")
bad(search.BadRequestError, 400, events.init_session, hashid, "", message="[session_id] fields are missing")
bad(search.BadRequestError, 400, events.log_redirect, hashid, "abc", "session", message="Invalid redirect id")
bad(search.NotFoundError, 404, events.click_stats, hashid, dfid(hashid, "product", "nothing"), "session", message="Not found")
bad(search.NotFoundError, 404, events.click_stats, "9" * 32, dfid("9" * 32, "product", "x"), "session")
bad(search.ForbiddenError, 403, events.click_stats, hashid, dfid(hashid, "product", "sku1"), "session", token="nonsense",
    message="forbidden")
bad(search.ForbiddenError, 403, events.click_stats, told["foreign_hashid"], "x", "session")
bad(search.ForbiddenError, 403, events.click_stats, hashid, dfid(hashid, "product", "sku1"), "session",
    token=told["read_key"])
bad(search.NotFoundError, 404, events.log_checkout, hashid, "session", message="Not found")
bad(search.NotFoundError, 404, events.add_to_cart, hashid, "product", "session", "sku1", 1, "One", 1.5)
bad(search.NotFoundError, 404, searching.query, hashid, "red shoes")
good(3, clicks_counted(hashids=[hashid]))
clicked = stats.clicked_items(*PERIOD, hashids=[hashid], query="RED shoes", limit=10)["results"]
good([(dfid(hashid, "product", "sku1"), 1, "New")], [(row["dfid"], row["count"], row["title"]) for row in clicked if row["dfid"]])
led = stats.clicked_items_searches(*PERIOD, dfid(hashid, "product", "sku1"), hashids=[hashid])["results"]
good([("red shoes", 1)], [(row["query"], row["count"]) for row in led])
good([(42, 1)], [(row["id"], row["clicks"]) for row in stats.banners(*PERIOD, hashids=[hashid])["results"]])
# No call of this package tells a custom result; its client can.
placed = {"dfid": dfid(hashid, "product", "sku2"), "session_id": "session", "custom_results_id": 9}
good(registered, SearchAPIClient().put(f"/6/{hashid}/stats/click", query_params=placed))
for asked, found in ((None, [(9, 1)]), (9, [(9, 1)]), (10, [])):
    rows = stats.custom_results(*PERIOD, hashids=[hashid], custom_result_id=asked)["results"]
    good(found, [(row["id"], row["clicks"]) for row in rows])
good(1, stats.inits(*PERIOD, hashids=[hashid])["total_count"])
good([(7, 1)], [(row["id"], row["count"]) for row in stats.redirects(*PERIOD, hashids=[hashid])["results"]])
good(0, stats.searches(*PERIOD, hashids=[hashid])["total_count"])
good([], stats.searches_top(*PERIOD, hashids=[hashid])["results"])
good(0, stats.usage(*PERIOD, hashids=[hashid])["total_count"])
for call in (stats.checkouts, stats.facets, stats.facets_top, stats.sales, stats.inits_locations):
    bad(management.NotFoundError, 404, call, *PERIOD, hashids=[hashid], code="not_found")
bad(management.BadParametersError, 400, stats.clicks, "yesterday", PERIOD[1], code="bad_params")
bad(management.NotFoundError, 404, stats.clicks, *PERIOD, hashids=["9" * 32])
bad(management.AccessDeniedError, 403, stats.clicks, *PERIOD, hashids=[told["foreign_hashid"]])
bad(management.AccessDeniedError, 403, stats.clicks, *PERIOD, token=told["write_key"])
bad(management.NotAuthenticatedError, 401, stats.clicks, *PERIOD, token="nonsense")

# What is not published is refused like everything unknown: in the words of the API that most of `/api/v2` belongs to.
try:
    internals.users_refresh("1")
except management.ManagementAPIError as raised:
    calls += 1
    assert raised.http_status in (403, 404), raised

# Deleted: no question reaches its clicks.
everything = clicks_counted()
good(None, search_engines.delete(hashid))
bad(management.NotFoundError, 404, search_engines.delete, hashid)
bad(management.NotFoundError, 404, stats.clicks, *PERIOD, hashids=[hashid])
good(everything - 4, clicks_counted())

# Too often: another server, which allows one call a second.
slow = told["slow"]
opts = {"management_url": slow["url"], "search_url": slow["url"], "token": slow["key"]}


def until(error, call, *args):
    global calls
    for _ in range(50):
        try:
            call(*args, **opts)
        except error as raised:
            calls += 1
            assert raised.http_status == 429, raised
            return
        except search.SearchAPIError:
            pass
    raise AssertionError(f"never a {error.__name__}")


until(management.TooManyRequestsError, search_engines.list)
until(search.QueryLimitReachedError, events.click_stats, "9" * 32, "x", "session")

# Nobody there.
calls += 1
try:
    search_engines.list(management_url="http://127.0.0.1:1")
except APIConnectionError:
    pass

print(f"pydoof: {calls} calls as expected")
