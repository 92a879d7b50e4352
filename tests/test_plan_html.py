"""The plan as a page: what is in it, that nothing gets out of its place, and how it behaves in a real Chromium."""

import os
import re
import shutil
from base64 import b64encode
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from formats import PageReader, check_html
from hypothesis import given
from hypothesis import strategies as st
from plans import NASTY, OPEN, everything, many, maybe_replaced, nasty, plans
from rows import summary
from sweeps import sweep

from infragen.assembly.synth import synthesize
from infragen.cloud.cloudformation import PropertyChange
from infragen.config import load_file
from infragen.plan.model import EnvironmentPlan, StackPlan
from infragen.report.difference import difference_plan
from infragen.report.plan_formats import as_format
from infragen.report.plan_words import SIGNS

ENVIRONMENTS = Path(__file__).parent / "data" / "environments"
WIDTHS = {"phone": 375, "desktop": 1280}


def page(*some: EnvironmentPlan) -> str:
    return as_format("html", some, [load_file(ENVIRONMENTS / "prod.yaml").environment]).decode()


@cache
def two_environments() -> EnvironmentPlan:
    """A real plan: everything in which prod differs from dev."""
    dev, prod = (load_file(ENVIRONMENTS / f"{name}.yaml") for name in ("dev", "prod"))
    return difference_plan(dev, prod, (synthesize(dev.environment), synthesize(prod.environment)))


# --- the text of the page ---------------------------------------------------------------------------------------


@pytest.mark.long
@given(st.lists(plans(), min_size=1, max_size=2))
@sweep(10, 3000)
def test_no_text_becomes_markup(some: list[EnvironmentPlan]) -> None:
    """Whatever values, names and warnings hold: no tag or attribute but ours, and every tag is closed."""
    check_html(as_format("html", some).decode())


@pytest.mark.long
@pytest.mark.parametrize("text", NASTY)
def test_nothing_nasty_becomes_markup_in_any_place(text: str) -> None:
    """Each piece in each place of a plan."""
    for plan in (nasty(text), replace(nasty(text), against=text), replace(nasty(text), against=text, between=True)):
        check_html(page(plan))


@pytest.mark.long
def test_every_text_of_the_plan_is_on_the_page_whole() -> None:
    """Also what a terminal cuts: long values, line by line."""
    reader = PageReader()
    long = "0123456789" * 500
    reader.feed(page(everything(), many(1, long)))
    wanted = [
        "would be replaced by a new one", str(OPEN),
        "460 resources of 500", "shop-prod-Database", "snapshotted, then deleted",
        "forces the replacement", "because of parameter Retention", "(known after network: PlatformKeyArn)",
        "echo three", "- s3:PutObject", "the policy changes", "waits for network", "123456789012", "+14.20 USD/month",
        "the sources disagree: AWS's change set keeps it, the resource's schema says that it is replaced",
        "the sources disagree: comparing templates would change Topic (DisplayName), and AWS's change set is empty",
        "looks like OldTopic under another name", "moved from position 2; AWS's default; from",
        "environments/prod.yaml:12 database", "- (secret)+ (secret)",
        "infragen has no prices for Custom::Thing", long,
    ]  # fmt: skip
    assert [each for each in wanted if each not in reader.text] == []


def test_what_would_replace_is_told_apart_from_what_does() -> None:
    """A value that may turn out to be the same forces nothing."""
    text = page(maybe_replaced())
    assert '<span class="forces">would replace it</span>' in text
    assert "forces the replacement" not in text


def test_the_policy_allows_the_style_sheet_and_the_script_of_the_page_and_nothing_else() -> None:
    """By their digests; the words `unsafe-inline` would let values run."""
    text = page(everything())
    [policy] = re.findall(r'Content-Security-Policy" content="([^"]*)"', text)
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    assert "http" not in policy
    for tag in ("style", "script"):
        [inner] = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        assert digest(inner) in policy


def digest(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


def test_nothing_to_change_is_said() -> None:
    """A page without a row, whose filter has nothing to do."""
    quiet = EnvironmentPlan("dev", "111111111111", "eu-west-1", "nested", (StackPlan("queue", "q", "none"),))
    text = page(quiet)
    check_html(text)
    assert "Nothing to change." in text
    assert "Drift" not in text
    assert "Drift: none found" in page(replace(quiet, drift=()))
    assert 'class="row"' not in text


def test_the_picture_marks_the_layers_that_change() -> None:
    """Each box with what changes leads to the section of its layer."""
    text = page(everything())
    boxes = dict(re.findall(r'<a href="#([\w-]+)" aria-label="(\w+: [^"]*)">', text))
    assert list(boxes.values()) == [
        "database: 1 to replace",
        "queue: 1 to change",
        "api: 1 to add, 1 to change, 1 to remove, 1 unknown until it runs",
    ]
    for target in boxes:
        assert f'<section class="layer" id="{target}"' in text
    assert "<title>network to database: " in text


def test_several_environments_share_one_page() -> None:
    """Each with its sum; their layers carry its name; where no resource changes there is no picture."""
    dev = replace(everything(), environment="dev", against="main")
    tag = PropertyChange(("Team",), "a", "b")
    quiet = replace(dev, environment="test", stacks=(StackPlan("root", "shop-test", "update", tags=(tag,)),))
    text = page(dev, replace(dev, environment="prod"), quiet)
    check_html(text)
    assert "<h1>3 environments against main</h1>" in text
    assert [f"<h2>{name}</h2>" in text for name in ("dev", "prod", "test")] == [True] * 3
    assert ['<option value="dev: api">' in text, '<option value="prod: api">' in text] == [True, True]
    assert text.count('<div class="picture">') == 2


# --- in a browser -----------------------------------------------------------------------------------------------


def _browser() -> str:
    """The browser to use: INFRAGEN_CHROMIUM, else one on the PATH; read before the tests forget our variables."""
    names = (os.environ.get("INFRAGEN_CHROMIUM", ""), "chromium", "chromium-browser", "google-chrome")
    return next((found for name in names if name and (found := shutil.which(name))), "")


BROWSER = _browser()
OFFLINE = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
]  # fmt: skip

Open = Callable[..., Any]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """A headless Chromium with an empty profile; without one these tests are skipped."""
    if not BROWSER:
        pytest.skip("no chromium or google-chrome is installed, and INFRAGEN_CHROMIUM names none")
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as driver:
        running = driver.chromium.launch(executable_path=BROWSER, args=OFFLINE)
        yield running
        running.close()


@pytest.fixture
def opened(chromium: Any, tmp_path: Path) -> Iterator[Open]:
    """Opens a page in a window of its own; fails when it says something on the console or asks for anything."""
    told: list[str] = []
    contexts = []

    def open_page(text: str, width: int = 1280, **settings: Any) -> Any:
        file = tmp_path / "plan.html"
        file.write_text(text, encoding="utf-8")
        context = chromium.new_context(viewport={"width": width, "height": 800}, **settings)
        contexts.append(context)
        window = context.new_page()
        window.on("console", lambda message: told.append(message.text))
        window.on("pageerror", lambda error: told.append(str(error)))
        window.on("dialog", lambda dialog: told.append(dialog.message))
        window.on("request", lambda request: told.extend({request.url} - {file.as_uri()}))
        window.goto(file.as_uri())
        return window

    yield open_page
    for context in contexts:
        context.close()
    assert told == []


def rows(window: Any) -> list[str]:
    """The resources that are shown."""
    return [each.inner_text() for each in window.locator("details.row:visible > summary .id").all()]


ALL = ["the stack itself", "Cluster", "Orders", "Topic", "TaskRole", "OldQueue", "Odd"]


@pytest.mark.long
def test_nothing_is_loaded_said_or_run(opened: Open) -> None:
    """The fixture fails on any request, console message or dialog; here with everything that could cause one."""
    window = opened(page(*map(nasty, NASTY)))
    assert window.locator("details.row").count() == 2 * len(NASTY)
    assert window.evaluate("document.querySelectorAll('script, img, iframe, style').length") == 2


def test_rows_are_filtered_by_kind_layer_type_and_words(opened: Open) -> None:
    """Each filter alone, together, and reset; how many are left is told."""
    window = opened(page(everything()))
    shown = window.locator("#shown")
    assert (rows(window), shown.inner_text()) == (ALL, "all 7 shown")
    for kind in ("add", "change", "remove", "other"):
        window.get_by_role("checkbox", name=re.compile(kind)).uncheck()
    assert (rows(window), shown.inner_text()) == (["Cluster"], "1 of 7 shown")
    assert window.locator("section.layer:visible").count() == 1
    window.get_by_role("button", name="Reset").click()
    window.wait_for_function("document.getElementById('shown').value === 'all 7 shown'")
    assert rows(window) == ALL
    window.get_by_label("Layer", exact=True).select_option("api")
    assert rows(window) == ["Topic", "TaskRole", "OldQueue", "Odd"]
    window.get_by_label("Type", exact=True).select_option("AWS::SQS::Queue")
    assert rows(window) == ["OldQueue"]
    window.get_by_label("Layer", exact=True).select_option("")
    assert rows(window) == ["Orders", "OldQueue"]
    window.get_by_label("Search").fill("RETENTION 604800")
    assert (rows(window), shown.inner_text()) == (["Orders"], "1 of 7 shown")
    window.get_by_label("Search").fill("nowhere")
    assert (rows(window), shown.inner_text()) == ([], "0 of 7 shown")


def test_search_finds_values_that_are_folded(opened: Open) -> None:
    """Also in a row that is closed, and in a value that is folded."""
    window = opened(page(replace(many(2, "needle " * 900), environment="prod"), everything()))
    window.get_by_role("button", name="Collapse all").click()
    window.get_by_label("Search").fill("needle")
    assert len(rows(window)) == 12
    window.get_by_label("Search").fill("platformkeyarn")
    assert rows(window) == ["Orders", "TaskRole"]


def test_all_can_be_opened_and_closed(opened: Open) -> None:
    """Rows that change are open at first, and new ones of which there is more to say; others are not."""
    window = opened(page(everything()))
    is_open = "[...document.querySelectorAll('details.row')].map((row) => row.open)"
    assert window.evaluate(is_open) == [True, True, True, True, True, False, True]
    window.get_by_role("button", name="Expand all").click()
    assert set(window.evaluate(is_open)) == {True}
    window.get_by_role("button", name="Collapse all").click()
    assert set(window.evaluate(is_open)) == {False}


def test_the_page_is_used_by_keyboard(opened: Open) -> None:
    """Tab reaches the way past the top, every box of the picture, the filter and the rows; Enter and Space work."""
    window = opened(page(everything()))
    focused = "document.activeElement.getAttribute('aria-label') || document.activeElement.textContent.trim()"
    visible = "getComputedStyle(document.activeElement).outlineStyle"
    window.keyboard.press("Tab")
    assert window.evaluate(focused) == "Skip to the changes"
    assert window.evaluate("document.activeElement.getBoundingClientRect().left >= 0")
    seen: list[str] = []
    cost = window.locator("details.part")
    for key in ("Tab", "Tab", "Tab", "Tab", "Enter", "Tab"):
        assert cost.evaluate("(each) => each.open") is (len(seen) > 4)
        window.keyboard.press(key)
        seen.append(window.evaluate(focused))
    assert seen[:3] == [
        "database: 1 to replace",
        "queue: 1 to change",
        "api: 1 to add, 1 to change, 1 to remove, 1 unknown until it runs",
    ]
    assert seen[3:5] == ["Cost: +14.20 USD/month, not all of it priced; before 109.20, after 123.40"] * 2
    assert seen[5] == "Cost"
    window.keyboard.press("Tab")
    assert window.evaluate("document.activeElement.id") == "search"
    window.keyboard.type("cluster")
    assert rows(window) == ["Cluster"]
    for _ in range(20):
        window.keyboard.press("Tab")
        if window.evaluate("document.activeElement.matches('.row > summary')"):
            break
    assert window.evaluate(focused).startswith("-/+Cluster")
    assert window.evaluate(visible) == "solid"
    row = window.locator("details.row:visible")
    for key in ("Enter", "Space", "Enter"):
        before = row.evaluate("(each) => each.open")
        window.keyboard.press(key)
        assert row.evaluate("(each) => each.open") is not before


def test_the_way_past_the_top_and_the_boxes_lead_somewhere(opened: Open) -> None:
    """Enter on the first link goes on to the filter, a box of the picture to the section of its layer."""
    window = opened(page(everything()))
    window.keyboard.press("Tab")
    window.keyboard.press("Enter")
    window.keyboard.press("Tab")
    assert window.evaluate("document.activeElement.id") == "search"
    window.locator(".picture a").nth(2).focus()
    window.keyboard.press("Enter")
    assert window.evaluate("document.querySelector(':target h2').textContent").startswith("api: ")


@pytest.mark.long
@pytest.mark.parametrize("width", WIDTHS.values(), ids=WIDTHS.keys())
def test_nothing_is_wider_than_the_window(opened: Open, width: int) -> None:
    """On a phone and on a desktop, with everything open, long words and long values."""
    wide = [everything(), two_environments(), nasty("x" * 3000), many(3, "0123456789" * 300)]
    for plan in wide:
        window = opened(page(plan), width)
        window.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
        assert window.evaluate("document.documentElement.scrollWidth") == width
        over = "[...document.querySelectorAll('main *:not(.scroll *)')].filter((each) => each.getClientRects().length"
        assert window.evaluate(f"{over} && each.getBoundingClientRect().right > innerWidth + 1).length") == 0
        window.context.close()


def test_everything_is_read_without_javascript(opened: Open) -> None:
    """All rows are there and open by a click; the filter, which would do nothing, is not shown."""
    window = opened(page(everything()), java_script_enabled=False)
    assert rows(window) == ALL
    assert window.locator("form").is_hidden()
    closed = window.locator("details.row", has_text="OldQueue")
    assert not closed.get_by_text("Remove", exact=False).last.is_visible()
    closed.locator("summary").click()
    assert closed.locator("dl").is_visible()


@pytest.mark.parametrize(
    ("plan", "width", "scheme"),
    [
        (everything, 1280, "light"),
        (everything, 375, "dark"),
        (two_environments, 1280, "dark"),
    ],
)
def test_axe_finds_nothing(opened: Open, plan: Callable[[], EnvironmentPlan], width: int, scheme: str) -> None:
    """Names, labels, roles, order of headings, contrast and the rest of axe-core's rules, in both colour schemes."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed")
    window = opened(page(plan()), width, color_scheme=scheme, bypass_csp=True)
    window.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    result = axe.Axe().run(window)
    assert len(result.response["passes"]) > 20
    assert [(each["id"], each["nodes"][0]["html"]) for each in result.response["violations"]] == []


@pytest.mark.long
def test_the_scheme_of_the_reader_is_followed(opened: Open) -> None:
    """Dark where the system is dark."""
    colours = {}
    for scheme in ("light", "dark"):
        window = opened(page(everything()), color_scheme=scheme)
        colours[scheme] = window.evaluate("getComputedStyle(document.body).backgroundColor")
    assert colours == {"light": "rgb(255, 255, 255)", "dark": "rgb(13, 17, 23)"}


@pytest.mark.long
def test_the_sum_on_the_page_is_the_sum_of_the_plan(opened: Open) -> None:
    """The numbers at the top, and as many rows of each kind below."""
    plan = everything()
    window = opened(page(plan))
    top = " ".join(window.locator(".counts").inner_text().split())
    assert top == summary(plan).replace(",", "").replace(";", "").replace("month not", "month, not")
    for kind in SIGNS:
        found = window.locator(f"details.row[data-kind={kind}]:not([data-type='the stack itself'])").count()
        assert f"{found} " in top
