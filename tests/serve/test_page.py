"""The page at ``/``: its text, and in a real browser where one is installed."""

import re
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import httpx
import pytest


def test_the_page_is_self_contained_under_a_strict_policy(client: httpx.Client) -> None:
    response = client.get("/")
    policy = response.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "connect-src 'self'" in policy
    assert re.search(r"script-src 'sha256-[A-Za-z0-9+/]{43}=';", policy)
    html = response.text
    assert not re.search(
        r"https?://|//cdn|@import|<iframe|\bon\w+=|style=\"|innerHTML|insertAdjacent|document\.write", html
    )
    assert html.count("<script>") == html.count("<style>") == 1
    for field in re.findall(r'<(?:textarea|select) id="(\w+)"', html):
        assert f'<label for="{field}"' in html


@pytest.fixture(scope="module")
def driver(load: Any) -> ModuleType:
    found: ModuleType = load("browser")
    if found.BINARY is None:
        pytest.skip("no chromium here")
    return found


@pytest.fixture(scope="module")
def browser(driver: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    found = driver.Browser(tmp_path_factory.mktemp("profile"))
    yield found
    found.close()


@pytest.fixture
def page(browser: Any, small: Any) -> Any:
    browser.problems.clear()
    browser.open(f"{small.url}/")
    browser.wait("document.querySelectorAll('#model option').length === 2")
    return browser


def _ask(page: Any, text: str) -> None:
    page.run("document.getElementById('text').focus()")
    page.type(text)
    page.wait("!document.getElementById('result').hidden || !document.getElementById('problem').hidden")


def _text(page: Any, selector: str) -> str:
    return str(page.run(f"document.querySelector({selector!r}).textContent"))


def test_a_typed_text_shows_label_confidence_and_neighbours(page: Any) -> None:
    _ask(page, "where is my parcel")
    assert _text(page, "#label") == "track_order"
    assert _text(page, "#confidence") == "100 % confident"
    assert page.run("document.getElementById('bar').getAttribute('aria-valuenow')") == "100"
    assert page.run("document.getElementById('fill').offsetWidth > 200")
    assert _text(page, "#neighbours tr:first-child") == "where is my parceltrack_order1.000"
    assert page.run("document.querySelectorAll('#neighbours tr').length") == 3
    assert _text(page, "#version") == "Model shop, version 0123abcd"
    assert page.problems == []


def test_markup_in_texts_stays_text(page: Any) -> None:
    _ask(page, "<script>alert(1)</script> <b>bold</b> markup")
    assert _text(page, "#neighbours td") == "<script>alert(1)</script> <b>bold</b> markup"
    assert page.run("document.querySelectorAll('#neighbours b, #neighbours script').length") == 0
    assert page.problems == []


def test_an_error_of_the_service_is_shown(page: Any) -> None:
    _ask(page, "x" * 201)
    assert "201 characters, the limit is 200" in _text(page, "#problem")
    assert page.run("document.getElementById('result').hidden")


def test_out_of_scope_is_said_in_words(page: Any) -> None:
    _ask(page, "nothing")
    assert _text(page, "#label") == "out of scope"


def test_nothing_is_wider_than_a_phone(page: Any) -> None:
    _ask(page, "w" * 180)
    assert page.run("document.documentElement.scrollWidth") <= 360
    assert page.run("document.getElementById('ask').offsetHeight") >= 44


def test_an_injected_script_is_blocked_by_the_policy(page: Any) -> None:
    page.run("document.body.appendChild(document.createElement('script')).textContent = 'window.broken = 1'")
    assert page.run("window.broken === undefined")
    assert any("Content Security Policy" in problem for problem in page.problems)
