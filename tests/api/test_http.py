"""GraphQL over HTTP: methods, bodies, media types, pages of other origins, and the ids of requests."""

import asyncio
import json

import httpx
import pytest

from syndb_graphql.api.http import GraphQLEndpoint

QUERY = "{ datasets { totalCount } }"
JSON = {"content-type": "application/json"}
GRAPHQL_JSON = "application/graphql-response+json"


def refused(response, status, code="BAD_USER_INPUT"):
    """The message of a request that was refused."""
    assert response.status_code == status, response.text[:300]
    body = response.json()
    assert set(body) == {"errors"}
    (error,) = body["errors"]
    assert error["extensions"] == {"code": code, "requestId": response.headers["x-request-id"]}
    return error["message"]


# ── Bodies ──
@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "not JSON"),
        (b"42", "must be a JSON object"),
        (b"null", "must be a JSON object"),
        (b'"{ __typename }"', "must be a JSON object"),
        (b'[{"query": "{ __typename }"}]', "must be a JSON object"),
        (b"{}", "`query` is missing"),
        (b'{"query": 5}', "`query` is missing or no text"),
        (b'{"query": null}', "`query` is missing or no text"),
        (b'{"query": "{ __typename }", "variables": []}', "`variables` must be an object"),
        (b'{"query": "{ __typename }", "variables": "{}"}', "`variables` must be an object"),
        (b'{"query": "{ __typename }", "operationName": 1}', "`operationName` must be text"),
        (b'{"query": "{ __typename }", "extensions": 1}', "`extensions` must be an object"),
        (b'{"query": "{ __typename }"', "not JSON"),
        (b'{"query": "\xff\xfe"}', "not JSON in UTF-8"),
        (b'{"query": "\\ud800"}', "not JSON"),
        ('{"query": "{ __typename }"}'.encode("utf-16"), "not JSON"),
        (b'{"query": "{ __typename }", "variables": {"a": NaN}}', "not JSON"),
        (b'{"query": "{ __typename }", "variables": {"a": 1e999}}', "not JSON"),
        (b'{"query": "{ __typename }", "variables": {"a": ' + b"9" * 5000 + b"}}", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[" * 100_000 + b"]" * 100_000, "not JSON"),
        (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "not JSON"),
    ],
    ids=lambda value: repr(value[:45]) if isinstance(value, bytes) else "",
)
async def test_a_body_that_is_no_question_is_refused_and_nothing_is_logged(client, logged, body, words):
    assert words in refused(await client.http.post("/graphql", content=body, headers=JSON), 400)
    assert not logged()
    assert await client.ask(QUERY)


async def test_a_body_that_is_too_large_is_refused_before_it_has_arrived(client):
    sent = 0

    async def endless():
        nonlocal sent
        while True:
            sent += 100_000
            yield b" " * 100_000

    limit = "1,048,576"
    message = refused(await client.http.post("/graphql", content=endless(), headers=JSON), 413, "LIMIT_EXCEEDED")
    assert limit in message
    assert sent < 1_500_000
    stated = await client.http.post("/graphql", content=b"x" * 10_000_000, headers=JSON)
    assert refused(stated, 413, "LIMIT_EXCEEDED") == f"The body has 10,000,000 bytes; {limit} is the limit."
    for length in ("9" * 30, "1048577"):
        lie = await client.http.post("/graphql", content=b"{}", headers={**JSON, "content-length": length})
        assert limit in refused(lie, 413, "LIMIT_EXCEEDED")


async def test_a_large_body_within_the_limit_is_read(client):
    answer = await client.answer(QUERY, {"unused": "x" * 1_000_000})
    assert answer["data"] == {"datasets": {"totalCount": 6}}


async def test_a_body_that_never_ends_and_a_client_that_leaves_hold_nothing_up(client):
    """Straight to the endpoint: what a server calls it with when the body stalls, or the client is gone."""
    endpoint = GraphQLEndpoint(
        client.app.state.executor, max_body_bytes=1000, public_url="", page=b"", page_headers={}, body_seconds=0.01
    )
    scope = {"type": "http", "method": "POST", "scheme": "http", "query_string": b"", "server": ("127.0.0.1", 80)}
    scope["headers"] = [(b"content-type", b"application/json")]

    async def stall():
        await asyncio.Event().wait()

    async def leave():
        return {"type": "http.disconnect"}

    for receive, status in ((stall, 408), (leave, 400)):
        sent = []

        async def send(message, sent=sent):
            sent.append(message)

        await endpoint(scope, receive, send)
        assert sent[0]["status"] == status
        assert json.loads(sent[1]["body"])["errors"][0]["extensions"]["code"] in ("REQUEST_TIMEOUT", "BAD_USER_INPUT")


@pytest.mark.parametrize(
    "content_type",
    ["", "text/plain", "application/graphql", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x",
     "application/json; charset=utf-16", "application/json; charset=iso-8859-1", "application/jsonp", "神".encode()],
)  # fmt: skip
async def test_only_json_in_utf_8_is_taken(client, content_type):
    headers = {"content-type": content_type} if content_type else {}
    response = await client.http.post("/graphql", content=json.dumps({"query": QUERY}), headers=headers)
    assert "must be sent" in refused(response, 415)


@pytest.mark.parametrize("content_type", ["application/json", "Application/JSON", 'application/json; charset="UTF-8"'])
async def test_json_is_taken_in_any_spelling(client, content_type):
    content = json.dumps({"query": QUERY})
    response = await client.http.post("/graphql", content=content, headers={"content-type": content_type})
    assert response.json()["data"] == {"datasets": {"totalCount": 6}}


# ── Methods ──
@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "TRACE", "QUERY", "NONSENSE"])
async def test_other_methods_are_told_which_ones_there_are(client, method):
    response = await client.http.request(method, "/graphql", content=json.dumps({"query": QUERY}), headers=JSON)
    assert refused(response, 405) == "Ask by POST, or by GET for queries."
    assert response.headers["allow"] == "GET, HEAD, POST, OPTIONS"


async def test_a_query_may_be_asked_by_get(client):
    query = "query First($n: Int) { datasets(first: $n) { nodes { label } } } query Other { __typename }"
    parameters = {"query": query, "variables": '{"n": 1}', "operationName": "First"}
    response = await client.http.get("/graphql", params=parameters)
    assert response.json()["data"] == {"datasets": {"nodes": [{"label": "C. elegans connectome"}]}}
    empty = await client.http.get("/graphql", params={"query": QUERY, "variables": "", "operationName": ""})
    assert empty.json()["data"] == {"datasets": {"totalCount": 6}}


@pytest.mark.parametrize(
    ("query_string", "words"),
    [
        ("", "`query` is missing"),
        ("variables={}", "`query` is missing"),
        ("query={__typename}&variables=x", "`variables` is not JSON"),
        ("query={__typename}&variables=[]", "`variables` must be an object"),
        ("query={__typename}&variables=" + "[" * 5000, "`variables` is not JSON"),
        ("query={__typename}&extensions=7", "`extensions` must be an object"),
        ("query=%ff%fe", "cannot be read"),
        ("%%%", "cannot be read"),
        ("a=1&" * 20 + "query={__typename}", "cannot be read"),
    ],
)
async def test_an_address_that_is_no_question_is_refused(client, query_string, words):
    response = await client.http.get(f"/graphql?{query_string}" if query_string else "/graphql")
    assert words in refused(response, 400)


async def test_nothing_is_changed_by_get(client):
    for operation in ("mutation { deleteEverything }", "subscription { everything }"):
        response = await client.http.get("/graphql", params={"query": operation}, headers={"accept": GRAPHQL_JSON})
        assert refused(response, 400, "GRAPHQL_VALIDATION_FAILED").endswith("operation is not supported by the schema.")


async def test_head_answers_as_get_does_without_the_body(client):
    for headers, parameters in (({}, {"query": QUERY}), ({}, {}), ({"accept": "text/html"}, {})):
        get = await client.http.get("/graphql", params=parameters, headers=headers)
        head = await client.http.head("/graphql", params=parameters, headers=headers)
        assert (head.status_code, head.content) == (get.status_code, b"")
        for name in ("content-type", "vary"):
            assert head.headers[name] == get.headers[name]
        assert abs(int(head.headers["content-length"]) - len(get.content)) < 20  # request ids differ


async def test_options_says_what_may_be_asked(client):
    response = await client.http.options("/graphql")
    assert (response.status_code, response.content) == (204, b"")
    assert response.headers["allow"] == "GET, HEAD, POST, OPTIONS"


# ── Media types ──
@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        (None, "application/json"),
        ("*/*", "application/json"),
        ("application/*", "application/json"),
        ("application/json", "application/json"),
        (GRAPHQL_JSON, GRAPHQL_JSON),
        (f"{GRAPHQL_JSON}, application/json;q=0.9", GRAPHQL_JSON),
        (f"{GRAPHQL_JSON};q=0.5, application/json", "application/json"),
        (f"application/json, {GRAPHQL_JSON}", "application/json"),
        (f"{GRAPHQL_JSON};q=0", "application/json"),
        (f"{GRAPHQL_JSON};q=nonsense, application/json;q=0.1", "application/json"),
        (f"{GRAPHQL_JSON}; charset=utf-8", GRAPHQL_JSON),
        (f"application/json;q=0, {GRAPHQL_JSON};q=0.001", GRAPHQL_JSON),
        ("image/png", "application/json"),
        ("text/html", "application/json"),
        ("," * 5000, "application/json"),
    ],
)
async def test_the_answer_comes_as_the_client_prefers(client, accept, media_type):
    request = client.http.build_request("POST", "/graphql", json={"query": QUERY}, headers={"accept": accept or ""})
    if accept is None:
        del request.headers["accept"]
    response = await client.http.send(request)
    assert response.headers["content-type"] == f"{media_type}; charset=utf-8"
    assert "accept" in response.headers["vary"]
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("{", "GRAPHQL_PARSE_FAILED"),
        ("{ nothing }", "GRAPHQL_VALIDATION_FAILED"),
        ("query A { __typename } query B { __typename }", "BAD_USER_INPUT"),
        ("query($n: Int!) { datasets(first: $n) { totalCount } }", "BAD_USER_INPUT"),
        ("{ datasets(first: 1000000000) { totalCount } }", "COST_LIMIT_EXCEEDED"),
    ],
)
async def test_a_refused_question_has_the_status_that_the_media_type_asks_for_and_no_data(client, query, code):
    for accept, status in ((GRAPHQL_JSON, 400), ("application/json", 200)):
        response = await client.http.post("/graphql", json={"query": query}, headers={"accept": accept})
        refused(response, status, code)
    partial = (
        '{ server { version } dataset(by: {label: "C. elegans connectome"}) { neurons(after: "junk") { totalCount } } }'
    )
    for accept in (GRAPHQL_JSON, "application/json"):
        response = await client.http.post("/graphql", json={"query": partial}, headers={"accept": accept})
        assert response.status_code == 200
        assert set(response.json()) == {"data", "errors", "extensions"}


async def test_a_browser_that_visits_is_shown_the_page_and_a_program_is_not(client):
    browser = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"
    page = await client.http.get("/graphql", headers={"accept": browser})
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.text.lower().startswith("<!doctype html>")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    asked = await client.http.get("/graphql", params={"query": QUERY}, headers={"accept": browser})
    assert asked.json()["data"]
    refused(await client.http.get("/graphql", headers={"accept": f"application/json, {browser}"}), 400)


# ── Operations ──
async def test_the_operation_is_found_by_its_name(client):
    query = "query First { __typename } query Second { server { version } }"
    ask = client.http.post
    named = (await ask("/graphql", json={"query": query, "operationName": "First"})).json()
    assert named["data"] == {"__typename": "Query"}
    for name, words in (("Third", "no operation named 'Third'"), (None, "2 operations"), ("", "2 operations")):
        error = (await ask("/graphql", json={"query": query, "operationName": name})).json()["errors"][0]
        assert error["extensions"]["code"] == "BAD_USER_INPUT"
        assert words in error["message"]
    error = await client.fail("fragment Alone on Query { __typename }")
    assert error["code"] == "GRAPHQL_VALIDATION_FAILED"
    long = (await ask("/graphql", json={"query": query, "operationName": "神" * 100_000})).json()
    assert len(long["errors"][0]["message"]) < 200


@pytest.mark.parametrize(
    ("declared", "value"),
    [("Int", "1"), ("Int", 1.5), ("Int", True), ("Int", 2**31), ("Int", [1]), ("Int", {}), ("Int", 2**63)],
)
async def test_a_variable_of_the_wrong_type_is_refused_by_name(client, declared, value):
    answer = await client.answer(f"query($n: {declared}) {{ datasets(first: $n) {{ totalCount }} }}", {"n": value})
    assert set(answer) == {"errors"}
    (error,) = answer["errors"]
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert "'$n'" in error["message"]


# ── Other origins ──
async def test_a_page_of_any_origin_may_ask_but_never_with_credentials(client):
    preflight = {"origin": "https://lab.example", "access-control-request-method": "POST"}
    preflight["access-control-request-headers"] = "content-type,authorization,x-request-id"
    response = await client.http.options("/graphql", headers=preflight)
    assert response.status_code == 200
    assert response.headers["access-control-allow-origin"] == "*"
    assert "POST" in response.headers["access-control-allow-methods"]
    assert "content-type" in response.headers["access-control-allow-headers"].lower()
    assert "access-control-allow-credentials" not in response.headers
    asked = await client.http.post("/graphql", json={"query": QUERY}, headers={"origin": "https://lab.example"})
    assert asked.headers["access-control-allow-origin"] == "*"
    assert "x-request-id" in asked.headers["access-control-expose-headers"].lower()
    assert asked.json()["data"]


async def test_the_operator_may_name_the_origins(demo_settings, start_client):
    settings = demo_settings.model_copy(update={"cors_origins": ("https://lab.example",)})
    async with start_client(settings) as client:
        for origin, allowed in (("https://lab.example", True), ("https://evil.example", False), ("null", False)):
            asked = await client.http.post("/graphql", json={"query": QUERY}, headers={"origin": origin})
            assert (asked.headers.get("access-control-allow-origin") == origin) == allowed
            preflight = {"origin": origin, "access-control-request-method": "POST"}
            assert (await client.http.options("/graphql", headers=preflight)).is_success == allowed


# ── Ids of requests ──
async def test_a_request_s_id_comes_back_in_the_header_and_in_every_error(client):
    for given in ("abc", "A-z_0.9" * 9, "5f3ab5c1-6d0c-5b0e-9a53-0d6f3b0f5d11"):
        response = await client.http.post("/graphql", json={"query": "{ a b }"}, headers={"x-request-id": given})
        assert response.headers["x-request-id"] == given
        assert {error["extensions"]["requestId"] for error in response.json()["errors"]} == {given}
    for bad in ("", "x" * 65, "a b", "a\tb", "é".encode(), '"><script>', "a;b"):
        response = await client.http.post("/graphql", json={"query": "{ a }"}, headers={"x-request-id": bad})
        made = response.headers["x-request-id"]
        assert len(made) == 16
        assert made == response.json()["errors"][0]["extensions"]["requestId"]


@pytest.mark.embedded
async def test_links_to_files_begin_where_the_client_reached_the_server_and_at_no_address_it_makes_up(client):
    query = '{ dataset(by: {label: "Mouse V1 Rorb neuron"}) { neurons { nodes { skeleton { url } } } } }'
    for host, base in (
        ("syndb.example:8080", "http://syndb.example:8080/"),
        ("[::1]:8000", "http://[::1]:8000/"),
        ("evil.example/path?", "http://syndb.test/"),
        ("a b", "http://syndb.test/"),
        ("x" * 300, "http://syndb.test/"),
    ):
        response = await client.http.post("/graphql", json={"query": query}, headers={"host": host})
        (neuron,) = response.json()["data"]["dataset"]["neurons"]["nodes"]
        assert neuron["skeleton"]["url"].startswith(base)


# ── Health ──
async def test_health_and_readiness_are_told(client):
    for method in ("GET", "HEAD"):
        healthy = await client.http.request(method, "/healthz")
        ready = await client.http.request(method, "/readyz")
        assert (healthy.status_code, ready.status_code) == (200, 200)
    assert (await client.http.get("/readyz")).json() == {"status": "ready", "datasets": 6}
    assert (await client.http.get("/healthz")).json()["status"] == "ok"
    assert (await client.http.post("/healthz")).status_code == 405
    assert (await client.http.get("/nowhere")).status_code == 404


async def test_a_server_of_its_own_treats_bodies_and_methods_the_same(demo_server):
    """What the real server adds in front: chunked bodies, HEAD, lengths that lie."""
    async with httpx.AsyncClient(base_url=demo_server.url, timeout=5) as http:

        async def chunks():
            for part in (b'{"query": ', b'"{ datasets ', b'{ totalCount } }"}'):
                yield part

        assert (await http.post("/graphql", content=chunks(), headers=JSON)).json()["data"]["datasets"][
            "totalCount"
        ] == 6
        large = await http.post("/graphql", content=b" " * 2_000_000, headers=JSON)
        assert large.status_code == 413
        head = await http.head("/graphql", params={"query": QUERY})
        get = await http.get("/graphql", params={"query": QUERY})
        assert head.headers["content-length"] == get.headers["content-length"]
        assert (await http.request("OPTIONS", "/graphql")).status_code == 204
        assert (await http.put("/graphql")).headers["allow"] == "GET, HEAD, POST, OPTIONS"
