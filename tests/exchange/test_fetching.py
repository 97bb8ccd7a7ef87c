"""URLs of images and files in front of vendors that need the content, at the running gateway."""

import asyncio
import base64
from collections.abc import AsyncIterator, Callable
from typing import Any

import orjson
import pytest
from aiohttp import web

from proxy.exchange import fetching
from tests.vendors.gateway import Gateway, Gateways
from tests.vendors.script import Reply, Turn, failure
from tests.vendors.server import Vendor

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(200))
JPEG = b"\xff\xd8\xff\xe0\0\x10JFIF" + bytes(200)
PDF = b"%PDF-1.4\n" + bytes(range(200))
TOO_LONG = failure(400, "This model's maximum context length is 4096 tokens.", code="context_length_exceeded")
NEEDS_BYTES = {"chat": {"models": {"blind": {"capabilities": {"image_urls": False}}}}}


class Site:
    """A server of files, which counts how often each is asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.files: dict[str, Callable[[], web.StreamResponse]] = {}
        self.gate = asyncio.Event()
        self.gate.set()
        self.arrived = asyncio.Event()
        self.left = asyncio.Event()
        self.port = 0

    def put(self, path: str, body: bytes, media_type: str | None, status: int = 200, **headers: str) -> str:
        """Have a file at a path; its URL."""
        given = {**headers, **({"content-type": media_type} if media_type is not None else {})}
        self.files[path] = lambda: web.Response(body=body, status=status, headers=given)
        return f"{self.url}{path}"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request.path_qs)
        self.arrived.set()
        try:
            await self.gate.wait()
        except asyncio.CancelledError:
            self.left.set()
            raise
        return self.files[request.path]()


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    site = Site()
    app = web.Application()
    app.router.add_get("/{path:.*}", site.answer)
    runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    site.port = int(runner.addresses[0][1])
    yield site
    await runner.cleanup()


@pytest.fixture
async def gateway(gateways: Gateways, site: Site) -> Gateway:
    """A gateway that may fetch from the site."""
    return await gateways.start(providers=NEEDS_BYTES, fetch={"allow": [f"127.0.0.1:{site.port}"], "timeout": "5s"})


def image(url: str, **more: Any) -> dict[str, Any]:
    return {"type": "input_image", "image_url": url, **more}


def file(url: str, **more: Any) -> dict[str, Any]:
    return {"type": "input_file", "file_url": url, **more}


def said(*parts: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"role": "user", "content": [{"type": "input_text", "text": "Look:"}, *parts]}]


def data_url(body: bytes, media_type: str = "image/png") -> str:
    return f"data:{media_type};base64,{base64.b64encode(body).decode()}"


def received(vendor: Vendor) -> list[dict[str, Any]]:
    """The parts of the vendor's last message, without the text in front."""
    parts: list[dict[str, Any]] = vendor.last.json["messages"][-1]["content"]
    return parts[1:]


async def test_an_image_arrives_as_its_bytes(gateway: Gateway, vendor: Vendor, site: Site) -> None:
    url = site.put("/a.png", PNG, "image/png")
    answer = await gateway.create(model="chat/blind", input=said(image(url, detail="low")))
    assert answer.text == "Hello there."
    assert received(vendor) == [{"type": "image_url", "image_url": {"url": data_url(PNG), "detail": "low"}}]
    assert "x-dragoman-dropped" not in answer.headers
    assert await gateway.metric("dragoman_conversions_total") == 0


async def test_a_vendor_that_reads_urls_is_given_the_url(gateway: Gateway, vendor: Vendor, site: Site) -> None:
    url = site.put("/a.png", PNG, "image/png")
    await gateway.create(model="chat/gpt-4o", input=said(image(url)))
    assert received(vendor) == [{"type": "image_url", "image_url": {"url": url}}]
    assert site.asked == []


@pytest.mark.parametrize("more", [{}, {"filename": "named.pdf"}])
async def test_a_file_arrives_as_its_bytes(more: Any, gateway: Gateway, vendor: Vendor, site: Site) -> None:
    site.put("/x/r%C3%A9sum%C3%A9.pdf", PDF, "application/pdf")
    site.files["/x/résumé.pdf"] = site.files["/x/r%C3%A9sum%C3%A9.pdf"]
    await gateway.create(model="chat/gpt-4o", input=said(file(f"{site.url}/x/r%C3%A9sum%C3%A9.pdf?key=1", **more)))
    name = more.get("filename", "résumé.pdf")
    sent = {"file_data": data_url(PDF, "application/pdf"), "filename": name}
    assert received(vendor) == [{"type": "file", "file": sent}]


@pytest.mark.parametrize(
    ("path", "media_type"), [("/a.txt", "text/plain; charset=utf-8"), ("/a.md", "application/octet-stream")]
)
async def test_a_text_file_arrives_as_text(
    path: str, media_type: str, gateway: Gateway, vendor: Vendor, site: Site
) -> None:
    url = site.put(path, "Grüße".encode(), media_type)
    await gateway.create(model="chat/gpt-4o", input=said(file(url)))
    assert "Grüße" in str(vendor.last.json["messages"][-1]["content"])


async def test_a_url_that_is_named_often_is_fetched_once(gateway: Gateway, vendor: Vendor, site: Site) -> None:
    one, other = site.put("/a.png", PNG, "image/png"), site.put("/b.jpg", JPEG, "image/jpeg")
    asked = [
        *said(image(one), image(other), image(one)),
        {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c", "output": [image(one)]},
        *said(image(other)),
    ]
    assert (await gateway.create(model="chat/blind", input=asked)).status == 200
    assert sorted(site.asked) == ["/a.png", "/b.jpg"]
    body = vendor.last.body
    assert body.count(data_url(PNG).encode()) == 3
    assert body.count(data_url(JPEG, "image/jpeg").encode()) == 2
    assert b"127.0.0.1" not in body


@pytest.mark.parametrize(
    ("body", "said_to_be", "media_type"),
    [
        (JPEG, "image/png", "image/jpeg"),
        (PNG, "application/octet-stream", "image/png"),
        (PNG, None, "image/png"),
        (PNG, "image/jpg", "image/png"),
        (JPEG, "IMAGE/JPEG; x=y", "image/jpeg"),
    ],
)
async def test_the_type_is_that_of_the_content(
    body: bytes, said_to_be: str | None, media_type: str, gateway: Gateway, vendor: Vendor, site: Site
) -> None:
    url = site.put("/a", body, said_to_be)
    assert (await gateway.create(model="chat/blind", input=said(image(url)))).status == 200
    assert received(vendor)[0]["image_url"]["url"] == data_url(body, media_type)


async def test_the_client_s_own_input_is_kept(gateway: Gateway, vendor: Vendor, site: Site) -> None:
    url = site.put("/a.png", PNG, "image/png")
    first = await gateway.create(model="chat/blind", input=said(image(url)))
    listed = await gateway.request("GET", f"/v1/responses/{first.response['id']}/input_items")
    assert listed.json["data"][0]["content"][1]["image_url"] == url
    second = await gateway.create(model="chat/blind", input="And?", previous_response_id=first.response["id"])
    assert second.status == 200
    assert data_url(PNG).encode() in vendor.last.body


# --- what is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "model"), [("image", "chat/blind"), ("file", "chat/gpt-4o")])
async def test_where_nothing_is_fetched_the_url_is_refused(
    kind: str, model: str, gateways: Gateways, vendor: Vendor, site: Site
) -> None:
    gateway = await gateways.start(providers=NEEDS_BYTES)
    part = (image if kind == "image" else file)(f"{site.url}/a")
    answer = await gateway.create(model=model, input=said(part))
    assert (answer.status, answer.error["code"]) == (400, "unsupported_value")
    assert answer.error["param"] == f"input[0].content[1].{kind}_url"
    assert "`fetch`" in answer.error["message"]
    assert site.asked == []
    assert vendor.requests == []


@pytest.mark.parametrize(
    ("body", "media_type", "status", "code"),
    [
        (b"<html>", "text/html", 200, "unsupported_image_media_type"),
        (PDF, "application/pdf", 200, "unsupported_image_media_type"),
        (b"Hello", "image/png", 200, "invalid_image_format"),
        (b"Hello", "application/octet-stream", 200, "invalid_image_format"),
        (PDF, None, 200, "invalid_image_format"),
        (b"", "image/png", 200, "empty_image_file"),
        (PNG, "image/png", 404, "failed_to_download_image"),
        (PNG, "image/png", 500, "failed_to_download_image"),
    ],
)
async def test_an_image_that_is_none(
    body: bytes, media_type: str | None, status: int, code: str, gateway: Gateway, vendor: Vendor, site: Site
) -> None:
    url = site.put("/a?token=secret", body, media_type, status)
    site.files["/a"] = site.files["/a?token=secret"]
    answer = await gateway.create(model="chat/blind", input=said(image(url)))
    assert (answer.status, answer.error["code"]) == (400, code)
    assert answer.error["param"] == "input[0].content[1].image_url"
    assert "secret" not in answer.error["message"]
    assert vendor.requests == []


@pytest.mark.parametrize(
    ("path", "body", "media_type", "code"),
    [
        ("/a.pdf", b"<html>", "text/html", "unsupported_file_media_type"),
        ("/a.pdf", b"<html>", "application/pdf", "invalid_value"),
        ("/a.pdf", b"Hello", "application/octet-stream", "invalid_value"),
        ("/a.pdf", b"", "application/pdf", "invalid_value"),
        ("/a.exe", b"MZ", "application/x-msdownload", "unsupported_file_media_type"),
        ("/a", b"Hello", "image/png", "invalid_image_format"),
    ],
)
async def test_a_file_that_is_none(
    path: str, body: bytes, media_type: str, code: str, gateway: Gateway, vendor: Vendor, site: Site
) -> None:
    answer = await gateway.create(model="chat/gpt-4o", input=said(file(site.put(path, body, media_type))))
    assert (answer.status, answer.error["code"]) == (400, code)
    assert answer.error["param"] == "input[0].content[1].file_url"
    assert vendor.requests == []


async def test_a_host_that_is_not_allowed(gateway: Gateway, vendor: Vendor, site: Site) -> None:
    url = site.put("/a.png", PNG, "image/png").replace("127.0.0.1", "localhost")
    answer = await gateway.create(model="chat/blind", input=said(image(url)))
    assert (answer.status, answer.error["code"]) == (400, "invalid_image_url")
    assert answer.error["message"] == (
        "The image at 'input[0].content[1].image_url' could not be fetched: "
        "the gateway does not fetch from this address."
    )
    assert site.asked == []


async def test_what_is_fetched_for_one_request_has_a_limit(
    gateway: Gateway, vendor: Vendor, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "MAX_FETCHED", 2 * len(PNG))
    urls = [site.put(f"/{number}.png", PNG, "image/png") for number in range(3)]
    assert (await gateway.create(model="chat/blind", input=said(*map(image, urls[:2])))).status == 200
    answer = await gateway.create(model="chat/blind", input=said(*map(image, urls)))
    assert (answer.status, answer.error["code"]) == (400, "image_too_large")


async def test_the_number_of_urls_has_a_limit(gateway: Gateway, vendor: Vendor, site: Site) -> None:
    urls = [f"{site.url}/{number}.png" for number in range(fetching.MAX_URLS + 1)]
    answer = await gateway.create(model="chat/blind", input=said(*map(image, urls)))
    assert (answer.status, answer.error["code"]) == (400, "invalid_value")
    assert answer.error["param"] == f"input[0].content[{fetching.MAX_URLS + 1}].image_url"
    assert site.asked == []


async def test_all_fetches_together_have_an_end(gateway: Gateway, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "PATIENCE", 0.01)
    url = site.put("/a.png", PNG, "image/png")
    site.gate.clear()
    answer = await gateway.create(model="chat/blind", input=said(image(url)))
    assert (answer.status, answer.error["code"]) == (400, "failed_to_download_image")
    assert answer.error["message"].endswith("what is fetched for the request took too long.")
    async with asyncio.timeout(10):
        await site.left.wait()


async def test_one_that_fails_ends_the_others(gateway: Gateway, vendor: Vendor, site: Site) -> None:
    urls = [site.put(f"/{number}.png", PNG, "image/png") for number in range(10)]
    site.gate.clear()
    answer = await gateway.create(model="chat/blind", input=said(image("http://10.0.0.1/"), *map(image, urls)))
    assert (answer.status, answer.error["code"]) == (400, "invalid_image_url")
    assert len(site.asked) < 10


async def test_a_client_that_leaves_is_not_fetched_for(gateway: Gateway, vendor: Vendor, site: Site) -> None:
    site.gate.clear()
    wire = await gateway.open(model="chat/blind", input=said(image(site.put("/a.png", PNG, "image/png"))))
    async with asyncio.timeout(10):
        await site.arrived.wait()
        await wire.close()
        await site.left.wait()
    assert vendor.requests == []


# --- what is prepared once more ---------------------------------------------------------------------------------------


async def test_a_history_that_is_halved_keeps_what_was_fetched(gateway: Gateway, vendor: Vendor, site: Site) -> None:
    url = site.put("/a.png", PNG, "image/png")
    turns = [*said(image(url)), {"role": "assistant", "content": "Yes."}]
    vendor.play(TOO_LONG, Turn("Hello."))
    answer = await gateway.create(model="chat/blind", input=[*turns, *turns, *said(image(url))], truncation="auto")
    assert answer.text == "Hello."
    assert [request.body.count(data_url(PNG).encode()) for request in vendor.requests] == [3, 2]
    assert b"127.0.0.1" not in vendor.last.body
    assert site.asked == ["/a.png"]


async def test_what_was_fetched_can_be_estimated(gateway: Gateway, vendor: Vendor, site: Site) -> None:
    url = site.put("/a.png", PNG, "image/png")
    message = {"role": "assistant", "content": "Hello."}
    body = orjson.dumps({"choices": [{"index": 0, "finish_reason": "stop", "message": message}]})
    vendor.play(Reply(steps=(body,), headers={"content-type": "application/json"}))
    answer = await gateway.create(model="chat/blind", input=said(image(url)))
    assert answer.headers["x-dragoman-usage-source"] == "estimated"
    assert answer.response["usage"]["input_tokens"] > 50


async def test_tokens_are_counted_without_a_word_of_the_url(gateway: Gateway, site: Site) -> None:
    url = site.put("/a.png", PNG, "image/png")
    body = (
        b'{"model": "chat/blind", "input": [{"role": "user", "content": [{"type": "input_image", "image_url": "%b"}]}]}'
    )
    answer = await gateway.request("POST", "/v1/responses/input_tokens", body=body % url.encode())
    assert (answer.status, answer.json["object"]) == (200, "response.input_tokens")


@pytest.mark.parametrize("background", [False, True])
async def test_a_large_image_is_encoded_beside_the_loop(
    background: bool, gateway: Gateway, vendor: Vendor, site: Site
) -> None:
    large = PNG + bytes(2 * fetching.MAX_INLINE)
    url = site.put("/a.png", large, "image/png")
    answer = await gateway.create(model="chat/blind", input=said(image(url)), background=background)
    assert answer.status == 200
    await vendor.arrival()
    assert received(vendor)[0]["image_url"]["url"] == data_url(large)
